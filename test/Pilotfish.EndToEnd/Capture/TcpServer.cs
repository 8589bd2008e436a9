using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.EndToEnd.Capture;

/// <summary>An unmodified TCP service inside a namespace, on both families: greets with the client's address or echoes.</summary>
internal sealed class TcpServer : IDisposable
{
    private readonly List<TcpListener> _listeners = [];
    private readonly bool _greets;

    public TcpServer(NetworkNamespaceThread place, int port, bool greets)
    {
        _greets = greets;
        foreach (IPAddress any in new[] { IPAddress.Any, IPAddress.IPv6Any })
        {
            TcpListener listener = place.Run(() =>
            {
                var made = new TcpListener(any, port);
                made.Start();
                return made;
            });
            _listeners.Add(listener);
            _ = AcceptAsync(listener);
        }
    }

    public void Dispose() => _listeners.ForEach(listener => listener.Dispose());

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            NetworkStream stream = client.GetStream();
            try
            {
                if (_greets)
                {
                    var from = (IPEndPoint)client.Client.RemoteEndPoint!;
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"220 {from.Address}\n"));
                }

                await stream.CopyToAsync(stream);
            }
            catch (IOException)
            {
                // The client left in its own way; the next one is served.
            }
        }
    }
}
