using System.Net;
using System.Net.Sockets;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>A listening socket that nobody accepts from and whose backlog is full: the kernel leaves new handshakes unanswered.</summary>
internal static class FullBacklog
{
    // Linux keeps one more than the backlog; the others find it full.
    private const int Clients = 4;

    private static readonly List<Socket> s_keep = [];

    public static NetAddress Address { get; } = Fill();

    private static NetAddress Fill()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        s_keep.Add(listener);
        for (int i = 0; i < Clients; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            s_keep.Add(client);
            try
            {
                client.Connect(listener.LocalEndPoint!);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                // Under way, as a connection that does not block is.
            }
        }

        return NetAddress.Loopback((ushort)((IPEndPoint)listener.LocalEndPoint!).Port);
    }
}
