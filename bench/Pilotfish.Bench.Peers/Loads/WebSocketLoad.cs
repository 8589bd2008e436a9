using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>
/// WebSocket clients that send a message of 64 bytes and wait for its echo, and the server that answers, on one loop of the calling
/// thread. Frames travel as they are: their inside is no business of a proxy.
/// </summary>
internal sealed class WebSocketLoad : IDisposable
{
    private const int Connections = 64;

    // Header, mask key and payload of one masked binary frame (RFC 6455 section 5.2).
    private const int FrameBytes = 2 + 4 + 64;

    private static readonly byte[] s_granted = Encoding.ASCII.GetBytes(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");

    private readonly EventLoop _loop = new(new EventLoopOptions { Name = "websocket load" });
    private readonly EventLoop.LoopBinding _binding;
    private readonly ListenSocket _server;
    private readonly byte[] _frame = new byte[FrameBytes];
    private long _echoes;
    private int _failures;

    public WebSocketLoad()
    {
        _binding = _loop.Bind();
        _server = ListenSocket.Listen(_loop, NetAddress.Loopback(0));
        _frame[0] = 0x82;
        _frame[1] = 0x80 | 64;
        Serve();
    }

    public int ServerPort => _server.LocalAddress.Port;

    public LoadResult Run(int port, string host, TimeSpan time)
    {
        byte[] request = Encoding.ASCII.GetBytes($"GET /index.html HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        var clients = new List<SocketStream>();
        for (int i = 0; i < Connections; i++)
        {
            SocketStream client = SocketStream.Create(_loop);
            clients.Add(client);
            Play(client, NetAddress.Loopback((ushort)port), request);
        }

        long start = _loop.ReadClockNanoseconds();
        long before = _echoes;
        while (_loop.ReadClockNanoseconds() - start < time.TotalMilliseconds * 1_000_000)
        {
            _loop.RunOnce(10);
        }

        var result = new LoadResult(_echoes - before, (_loop.ReadClockNanoseconds() - start) / 1e9);
        int failures = _failures;
        clients.ForEach(client => client.Close());
        _loop.RunOnce(100);
        _failures = 0;
        return failures == 0 && result.Operations > 0
            ? result
            : throw new InvalidOperationException($"{failures} WebSocket connections failed.");
    }

    public void Dispose()
    {
        _server.Close();
        _loop.RunOnce();
        _binding.Dispose();
        _loop.Dispose();
    }

    private async void Play(SocketStream client, NetAddress to, byte[] request)
    {
        byte[] buffer = new byte[4096];
        if (await client.ConnectAsync(to) != IoError.None || !(await client.SendAsync(request)).IsOk)
        {
            _failures++;
            return;
        }

        int got = 0;
        while (!buffer.AsSpan(0, got).EndsWith("\r\n\r\n"u8))
        {
            IoResult result = await client.ReceiveAsync(buffer.AsMemory(got));
            if (!result.IsOk || result.IsEnd)
            {
                _failures++;
                return;
            }

            got += result.Bytes;
        }

        _failures += buffer.AsSpan(9, 3).SequenceEqual("101"u8) ? 0 : 1;
        while ((await client.SendAsync(_frame)).IsOk)
        {
            for (got = 0; got < FrameBytes;)
            {
                IoResult result = await client.ReceiveAsync(buffer);
                if (!result.IsOk || result.IsEnd)
                {
                    return;
                }

                got += result.Bytes;
            }

            _echoes++;
        }
    }

    private async void Serve()
    {
        while ((await _server.AcceptAsync()).Stream is { } stream)
        {
            Echo(stream);
        }
    }

    private static async void Echo(SocketStream stream)
    {
        byte[] buffer = new byte[4096];
        int got = 0;
        IoResult result = default;
        while (!buffer.AsSpan(0, got).EndsWith("\r\n\r\n"u8))
        {
            result = await stream.ReceiveAsync(buffer.AsMemory(got));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            got += result.Bytes;
        }

        result = await stream.SendAsync(s_granted);
        while (result.IsOk)
        {
            result = await stream.ReceiveAsync(buffer);
            if (result.IsEnd)
            {
                break;
            }

            result = result.IsOk ? await stream.SendAsync(buffer.AsMemory(0, result.Bytes)) : result;
        }

        stream.Close();
    }
}
