using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>
/// Answers the kubelet's probes: /healthz always, /readyz once the plugin is installed. One short request per connection,
/// one at a time, is all that a probe needs; a peer that sends nothing is cut off.
/// </summary>
internal sealed class ReadinessServer : IDisposable
{
    private const int RequestBytesMax = 4096;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly TcpListener _listener;
    private readonly Thread _thread;

    public ReadinessServer(int port)
    {
        _listener = new TcpListener(IPAddress.IPv6Any, port);
        _listener.Server.DualMode = true;
        try
        {
            _listener.Start();
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new CaptureException(
                $"Port {port} for /readyz cannot be opened: {e.Message}. Choose another with --{InstallFlags.ReadinessPort}.", e);
        }

        _thread = new Thread(Serve) { IsBackground = true, Name = "readiness" };
        _thread.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public volatile bool IsReady;

    public void Dispose()
    {
        _listener.Stop();
        _thread.Join();
        _listener.Dispose();
    }

    private void Serve()
    {
        while (true)
        {
            try
            {
                using Socket connection = _listener.AcceptSocket();
                Answer(connection);
            }
            catch (Exception e) when (e is SocketException { SocketErrorCode: SocketError.Interrupted or SocketError.OperationAborted }
                or ObjectDisposedException or InvalidOperationException)
            {
                // The listener is closed: the end.
                return;
            }
            catch (SocketException)
            {
                // One peer went away in the middle; the next may be the kubelet.
            }
        }
    }

    private void Answer(Socket connection)
    {
        connection.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
        connection.SendTimeout = (int)s_patience.TotalMilliseconds;
        byte[] buffer = new byte[RequestBytesMax];
        int length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
        {
            int read = connection.Receive(buffer.AsSpan(length));
            if (read == 0)
            {
                return;
            }

            length += read;
        }

        string line = Encoding.ASCII.GetString(buffer, 0, length).Split("\r\n")[0];
        string path = line.Split(' ') is ["GET" or "HEAD", string target, ..] ? target.Split('?')[0] : string.Empty;
        (string status, string body) = path switch
        {
            "/healthz" => ("200 OK", "ok"),
            "/readyz" when IsReady => ("200 OK", "ok"),
            "/readyz" => ("503 Service Unavailable", "not installed"),
            _ => ("404 Not Found", "ask for /readyz or /healthz"),
        };
        string sent = line.StartsWith("HEAD", StringComparison.Ordinal) ? string.Empty : body;
        connection.Send(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {body.Length}\r\nconnection: close\r\n\r\n{sent}"));
        connection.Shutdown(SocketShutdown.Send);
    }
}
