using System.Net;
using System.Net.Sockets;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Tests.Sockets;

/// <summary>A listener whose backlog is full, so that the kernel drops further SYNs and a connect stays pending.</summary>
internal sealed class FullBacklog : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _waiting = [];

    public FullBacklog()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(0);
        Address = NetAddress.Loopback((ushort)((IPEndPoint)_listener.LocalEndPoint!).Port);
        for (int i = 0; i < 4; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _waiting.Add(client);
            try
            {
                client.Connect(_listener.LocalEndPoint!);
            }
            catch (SocketException)
            {
                // In progress, which is all that is wanted.
            }
        }
    }

    public NetAddress Address { get; }

    public void Dispose()
    {
        _waiting.ForEach(socket => socket.Dispose());
        _listener.Dispose();
    }
}
