using System.Diagnostics;
using System.Globalization;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// What each kind of access log adds to a request: one proxy for each kind, loaded one after another in every round, so that a round's rows are of the
/// same moment. Nanoseconds are of the loop's thread; what writer threads use is told apart.
/// </summary>
internal sealed class LogCost : IDisposable
{
    // A request's whole processor time, kernel included, as bench/peers measured it on a quiet machine (docs/performance.md).
    private const double WholeRequestNanoseconds = 16_100;

    private readonly int _rounds;
    private readonly int _requests;
    private readonly int _connections;
    private readonly EventLoop _loop;
    private readonly byte[][] _buffers;
    private readonly string _pipe;
    private readonly FileStream _pipeEnd;
    private readonly ListenSocket _backend;
    private readonly ListenSocket _collector;
    private readonly Dictionary<LogKind, List<IByteStream>> _streams = [];
    private readonly List<AccessLogFiles> _files = [];

    public LogCost(EventLoop loop, int rounds, int requests, int connections)
    {
        (_loop, _rounds, _requests, _connections) = (loop, rounds, requests, connections);
        _buffers = [.. Enumerable.Range(0, connections).Select(static _ => new byte[8192])];
        _pipe = Path.Combine(Directory.CreateTempSubdirectory("pilotfish-log-cost-").FullName, "pipe");
        using (Process made = Process.Start("mkfifo", _pipe))
        {
            made.WaitForExit();
        }

        // Open for reading and writing, so that opening does not wait, and never read: 64 KiB fill it.
        _pipeEnd = new FileStream(_pipe, FileMode.Open, FileAccess.ReadWrite);
        _backend = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        _collector = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        foreach (LogKind kind in Enum.GetValues<LogKind>())
        {
            var files = new AccessLogFiles(new FileWriterOptions());
            _files.Add(files);
            var proxy = new MemoryProxy(loop, new MemoryProxyOptions
            {
                Backend = _backend.LocalAddress,
                Collector = _collector.LocalAddress,
                Logs = [.. LogConfig.Of(kind, _pipe)],
                Files = files,
            });
            _streams[kind] = [.. Enumerable.Range(0, connections).Select(_ => proxy.Connect())];
        }
    }

    /// <summary>What each kind adds to a request.</summary>
    public void MeasureCost()
    {
        LogKind[] kinds = [LogKind.None, LogKind.Text, LogKind.Json, LogKind.Never, LogKind.Service, LogKind.Otlp];
        var nanoseconds = kinds.ToDictionary(static kind => kind, static _ => new List<double>());
        var allocated = new Dictionary<LogKind, long>();
        foreach (LogKind kind in kinds)
        {
            Round(kind, null);
        }

        for (int round = 0; round < _rounds; round++)
        {
            foreach (LogKind kind in kinds)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                nanoseconds[kind].Add(Round(kind, null));
                allocated[kind] = GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }

        double none = nanoseconds[LogKind.None].Min();
        Console.WriteLine($"per request over none, least of {_rounds} rounds of {_requests * _connections} requests ({none:F0} ns without a log)");
        foreach (LogKind kind in kinds)
        {
            double over = nanoseconds[kind].Min() - none;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {kind,-8} {over,7:F0} ns  {over / none,6:P1} of our own code  {over / WholeRequestNanoseconds,6:P1} of the whole request's 16.1 us  "
                + $"{(double)allocated[kind] / _requests / _connections,5:F1} bytes allocated"));
        }
    }

    /// <summary>Whether a sink that takes nothing holds requests up: the same records to /dev/null and to a pipe that is full.</summary>
    public void MeasureStall()
    {
        LogKind[] kinds = [LogKind.Many, LogKind.Blocked];
        var middle = kinds.ToDictionary(static kind => kind, static _ => new List<double>());
        var late = kinds.ToDictionary(static kind => kind, static _ => new List<double>());
        var sleeps = kinds.ToDictionary(static kind => kind, static _ => new List<long>());
        long[][] times = [.. Enumerable.Range(0, _connections).Select(_ => new long[_requests])];
        double nanoseconds = kinds.Select(kind => Round(kind, null)).Max();
        for (int round = 0; round < _rounds; round++)
        {
            // Whoever goes first in a round changes, so that neither has the calmer half.
            foreach (LogKind kind in round % 2 == 0 ? kinds : kinds.Reverse())
            {
                long before = VoluntarySwitches();
                Round(kind, times);
                sleeps[kind].Add(VoluntarySwitches() - before);
                double[] sorted = [.. times.SelectMany(static all => all).Select(static ticks => ticks * 1e6 / Stopwatch.Frequency).Order()];
                middle[kind].Add(sorted[sorted.Length / 2]);
                late[kind].Add(sorted[(sorted.Length - 1) * 99 / 100]);
            }
        }

        Console.WriteLine($"{LogConfig.Many * 1e9 / nanoseconds:N0} records/s to /dev/null and to a blocked pipe, {_rounds} interleaved rounds: a request's time with "
            + $"{_connections} at once (us), and how often the loop's thread slept by itself");
        foreach (LogKind kind in kinds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {kind,-8} p50 {middle[kind].Min(),7:F0} at least, {Middle(middle[kind]),7:F0} in the middle round   p99 {late[kind].Min(),7:F0} at least, "
                + $"{Middle(late[kind]),7:F0} in the middle round   {sleeps[kind].Sum()} sleeps"));
        }
    }

    public void Dispose()
    {
        _pipeEnd.Dispose();
        _files.ForEach(static files => files.Dispose());
        Directory.Delete(Path.GetDirectoryName(_pipe)!, recursive: true);
    }

    // Nanoseconds per request.
    private double Round(LogKind kind, long[][]? times)
    {
        List<IByteStream> streams = _streams[kind];
        long start = Stopwatch.GetTimestamp();
        Task all = Task.WhenAll(streams.Select((stream, i) => Exchange.AskAsync(stream, _buffers[i], _requests, times?[i])));
        while (!all.IsCompleted)
        {
            _loop.RunOnce(waitMilliseconds: 20);
        }

        all.GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / _requests / streams.Count;
    }

    // Of this thread: it waited for something (a write, a lock, an event), which a machine that has other work never causes.
    private static long VoluntarySwitches()
    {
        const string Name = "voluntary_ctxt_switches:";
        string line = File.ReadLines("/proc/thread-self/status").First(static line => line.StartsWith(Name, StringComparison.Ordinal));
        return long.Parse(line[Name.Length..], CultureInfo.InvariantCulture);
    }

    private static double Middle(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
