using System.Net;
using System.Net.Sockets;

namespace Pilotfish.Agent.Health;

/// <summary>
/// Connects probes from 127.0.0.6 (::6), which the capture rules exempt: a probe must reach the application, not the proxy's
/// inbound listener, which would ask for a certificate.
/// </summary>
internal sealed class ProbeDialer(bool bindSource)
{
    private static readonly IPAddress s_sourceV4 = IPAddress.Parse("127.0.0.6");
    private static readonly IPAddress s_sourceV6 = IPAddress.Parse("::6");

    public async Task<Socket> DialAsync(string host, int port, CancellationToken cancellation)
    {
        IPAddress address = IPAddress.TryParse(host, out IPAddress? parsed)
            ? parsed
            : (await System.Net.Dns.GetHostAddressesAsync(host, cancellation))[0];
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (bindSource)
            {
                socket.Bind(new IPEndPoint(address.AddressFamily == AddressFamily.InterNetworkV6 ? s_sourceV6 : s_sourceV4, 0));
            }

            await socket.ConnectAsync(new IPEndPoint(address, port), cancellation);
            return socket;
        }
        catch
        {
            // The socket is ours until it is handed out; the caller names the error.
            socket.Dispose();
            throw;
        }
    }
}
