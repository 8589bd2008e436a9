using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>Opens connections, sends one request on each, and leaves them idle.</summary>
internal static class IdleLoad
{
    /// <summary>Connections opened at a time: below every listener's backlog.</summary>
    private const int Batch = 100;

    /// <summary>How many got an answer; memory is asked for while they are all open.</summary>
    public static int Run(int port, string host, int count, Action whileIdle)
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "idle load" });
        using EventLoop.LoopBinding binding = loop.Bind();
        byte[] request = Encoding.ASCII.GetBytes($"GET /index.html HTTP/1.1\r\nHost: {host}\r\nUser-Agent: idle\r\n\r\n");
        byte[] buffer = new byte[16 * 1024];
        var open = new List<SocketStream>();
        int answered = 0;
        for (int done = 0; done < count; done += Batch)
        {
            int left = Math.Min(Batch, count - done);
            for (int i = left; i > 0; i--)
            {
                // A source address of its own per few thousand: one address has fewer ports than connections wanted.
                var options = new SocketStreamOptions { Source = NetAddress.IPv4(127, 0, 1, (byte)(1 + (done / 5000)), 0) };
                SocketStream stream = SocketStream.Create(loop, options);
                open.Add(stream);
                Ask(stream);
            }

            long start = loop.NowMilliseconds;
            while (left > 0 && loop.NowMilliseconds - start < 10_000)
            {
                loop.RunOnce(10);
            }

            async void Ask(SocketStream stream)
            {
                if (await stream.ConnectAsync(NetAddress.Loopback((ushort)port)) == IoError.None
                    && (await stream.SendAsync(request)).IsOk && (await stream.ReceiveAsync(buffer)).Bytes > 0)
                {
                    answered++;
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
