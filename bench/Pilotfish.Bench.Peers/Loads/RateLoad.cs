using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Pilotfish.Bench.Peers.Loads;

/// <summary>
/// Requests at a fixed rate whatever the answers do (an open loop): a latency counts from the moment a request was due, so that a stall
/// of the proxy shows in every request that it delayed, not in one. One thread, many keep-alive connections.
/// </summary>
internal sealed class RateLoad : IDisposable
{
    // Enough that a connection is free when a request is due, unless the proxy stalls; then requests wait for one, and that counts.
    private const int Connections = 64;

    private readonly List<Socket> _busy = [];
    private readonly Stack<Socket> _free = new();
    private readonly Dictionary<Socket, (long Due, int Left)> _waiting = [];
    private readonly byte[] _request;
    private readonly byte[] _buffer = new byte[64 * 1024];

    public RateLoad(int port, string host)
    {
        _request = Encoding.ASCII.GetBytes(
            $"GET /index.html HTTP/1.1\r\nHost: {host}\r\n{string.Join("\r\n", WrkLoad.BrowserHeaders)}\r\n\r\n");
        for (int i = 0; i < Connections; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, port);
            _free.Push(socket);
        }
    }

    /// <summary>Latencies in milliseconds.</summary>
    public (double Requests, double P50, double P99, double P999) Run(double perSecond, TimeSpan time)
    {
        var latencies = new List<double>((int)(perSecond * time.TotalSeconds) + 1);
        long start = Stopwatch.GetTimestamp();
        long end = start + (long)(time.TotalSeconds * Stopwatch.Frequency);
        double between = Stopwatch.Frequency / perSecond;
        long next = start;
        for (int sent = 0; next < end || _busy.Count > 0;)
        {
            long now = Stopwatch.GetTimestamp();
            while (next <= now && next < end && _free.TryPop(out Socket? socket))
            {
                socket.Send(_request);
                _waiting[socket] = (next, 0);
                _busy.Add(socket);
                next = start + (long)(++sent * between);
            }

            Collect(latencies, next < end && _free.Count > 0 ? next : long.MaxValue);
        }

        latencies.Sort();
        return (latencies.Count, At(latencies, 0.5), At(latencies, 0.99), At(latencies, 0.999));
    }

    public void Dispose()
    {
        foreach (Socket socket in _free.Concat(_busy))
        {
            socket.Dispose();
        }
    }

    private void Collect(List<double> latencies, long until)
    {
        long microseconds = until == long.MaxValue
            ? 100_000
            : Math.Clamp((until - Stopwatch.GetTimestamp()) * 1_000_000 / Stopwatch.Frequency, 0, 100_000);
        if (_busy.Count == 0)
        {
            Thread.Sleep(TimeSpan.FromMicroseconds(microseconds));
            return;
        }

        var readable = new List<Socket>(_busy);
        Socket.Select(readable, null, null, (int)microseconds);
        foreach (Socket socket in readable)
        {
            Receive(socket, latencies);
        }
    }

    private void Receive(Socket socket, List<double> latencies)
    {
        int received = socket.Receive(_buffer);
        if (received == 0)
        {
            throw new InvalidOperationException("The proxy closed a connection of the fixed-rate load.");
        }

        (long due, int left) = _waiting[socket];
        left = left == 0 ? Length(_buffer.AsSpan(0, received)) - received : left - received;
        _waiting[socket] = (due, left);
        if (left > 0)
        {
            return;
        }

        latencies.Add((Stopwatch.GetTimestamp() - due) * 1000.0 / Stopwatch.Frequency);
        _busy.Remove(socket);
        _free.Push(socket);
    }

    /// <summary>Of the whole response. Heads of the backend come in one piece.</summary>
    private static int Length(ReadOnlySpan<byte> response)
    {
        int head = response.IndexOf("\r\n\r\n"u8) + 4;
        string text = Encoding.ASCII.GetString(response[..head]).ToLowerInvariant();
        int field = text.IndexOf("\r\ncontent-length:", StringComparison.Ordinal);
        if (field < 0)
        {
            throw new InvalidOperationException($"A response without a length: {text}");
        }

        string value = text[(field + 17)..];
        return head + int.Parse(value[..value.IndexOf('\r')], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static double At(List<double> sorted, double share) => sorted.Count == 0 ? 0 : sorted[(int)((sorted.Count - 1) * share)];
}
