using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>A sink behind the proxy and a few senders before it, all on one loop of the calling thread.</summary>
internal sealed class TcpLoad : IDisposable
{
    private const int ChunkBytes = 128 * 1024;

    private readonly EventLoop _loop = new(new EventLoopOptions { Name = "tcp load" });
    private readonly EventLoop.LoopBinding _binding;
    private readonly ListenSocket _sink;
    private readonly byte[] _sendBuffer = new byte[ChunkBytes];
    private readonly byte[] _receiveBuffer = new byte[ChunkBytes];
    private long _received;

    public TcpLoad()
    {
        _binding = _loop.Bind();
        _sink = ListenSocket.Listen(_loop, NetAddress.Loopback(0));
        Sink();
    }

    public int SinkPort => _sink.LocalAddress.Port;

    /// <summary>MiB that arrived, and the seconds they took.</summary>
    public LoadResult Run(int port, int connections, TimeSpan time)
    {
        var senders = new List<SocketStream>();
        for (int i = 0; i < connections; i++)
        {
            SocketStream sender = SocketStream.Create(_loop);
            senders.Add(sender);
            Send(sender, NetAddress.Loopback((ushort)port));
        }

        long start = _loop.ReadClockNanoseconds();
        long before = _received;
        while (_loop.ReadClockNanoseconds() - start < time.TotalMilliseconds * 1_000_000)
        {
            _loop.RunOnce(10);
        }

        var result = new LoadResult((_received - before) / 1048576.0, (_loop.ReadClockNanoseconds() - start) / 1e9);
        senders.ForEach(sender => sender.Close());
        _loop.RunOnce(100);
        _loop.RunOnce(100);
        return result;
    }

    public void Dispose()
    {
        _sink.Close();
        _loop.RunOnce();
        _binding.Dispose();
        _loop.Dispose();
    }

    private async void Sink()
    {
        while ((await _sink.AcceptAsync()).Stream is { } stream)
        {
            Drain(stream);
        }
    }

    private async void Drain(SocketStream stream)
    {
        IoResult result;
        do
        {
            result = await stream.ReceiveAsync(_receiveBuffer);
            _received += result.Bytes;
        }
        while (result.IsOk && !result.IsEnd);
        stream.Close();
    }

    private async void Send(SocketStream stream, NetAddress to)
    {
        if (await stream.ConnectAsync(to) != IoError.None)
        {
            return;
        }

        while ((await stream.SendAsync(_sendBuffer)).IsOk)
        {
            await _loop.YieldAsync();
        }
    }
}
