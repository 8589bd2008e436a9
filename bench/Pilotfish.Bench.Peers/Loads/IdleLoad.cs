using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>Opens connections, sends one request on each, and leaves them idle.</summary>
internal static class IdleLoad
{
    /// <summary>Connections opened at a time: below every listener's backlog.</summary>
    private const int Batch = 100;

    // Every connection shakes hands in full, as clients of their own would.
    private static readonly TlsClientOptions s_tls = new() { ServerName = "server", AllowResumption = false };

    /// <summary>How many got an answer; memory is asked for while they are all open.</summary>
    public static int Run(int port, string host, int count, bool tls, Action whileIdle)
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "idle load" });
        using EventLoop.LoopBinding binding = loop.Bind();
        byte[] request = Encoding.ASCII.GetBytes($"GET /index.html HTTP/1.1\r\nHost: {host}\r\nUser-Agent: idle\r\n\r\n");
        byte[] buffer = new byte[16 * 1024];
        var open = new List<IByteStream>();
        int answered = 0;
        for (int done = 0; done < count; done += Batch)
        {
            int left = Math.Min(Batch, count - done);
            for (int i = left; i > 0; i--)
            {
                // A source address of its own per few thousand: one address has fewer ports than connections wanted.
                var options = new SocketStreamOptions { Source = NetAddress.IPv4(127, 0, 1, (byte)(1 + (done / 5000)), 0) };
                Ask(SocketStream.Create(loop, options));
            }

            long start = loop.NowMilliseconds;
            while (left > 0 && loop.NowMilliseconds - start < 30_000)
            {
                loop.RunOnce(10);
            }

            async void Ask(SocketStream socket)
            {
                IByteStream? stream = null;
                if (await socket.ConnectAsync(NetAddress.Loopback((ushort)port)) == IoError.None)
                {
                    stream = tls ? (await TlsClientStream.ConnectAsync(socket, s_tls)).Stream : socket;
                }

                if (stream is not null)
                {
                    open.Add(stream);
                    answered += (await stream.SendAsync(request)).IsOk && (await stream.ReceiveAsync(buffer)).Bytes > 0 ? 1 : 0;
                }

                left--;
            }
        }

        whileIdle();
        open.ForEach(stream => stream.Close());
        loop.RunOnce();
        return answered;
    }
}
