using System.Globalization;
using Pilotfish.Bench.Peers.Loads;
using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>
/// What access logging costs us: one process per kind of log, loaded one after another in each round, so that a round's ratios are of the
/// same seconds. Then latencies at a fixed rate while 100,000 records per second go to a pipe that nobody reads.
/// </summary>
internal sealed class LogBench(BenchOptions options, string directory) : IDisposable
{
    private const int RecordsPerSecond = 100_000;

    private static readonly string s_host = "service-0.example.com";

    private FileStream? _pipe;

    public void Run()
    {
        int backendPort = Bench.FreePort();
        using PinnedProcess backend = PinnedProcess.Start(
            Backend.Configure(directory, backendPort, BenchMode.Of("http"), null), Bench.LoadCore, Path.Combine(directory, "backend.out"));
        if (!backend.WaitForPort(backendPort))
        {
            throw new InvalidOperationException("The backend did not start.");
        }

        var running = new Dictionary<LogKind, (PinnedProcess Process, int Port)>();
        try
        {
            foreach (LogKind kind in (LogKind[])[LogKind.None, LogKind.IstioText, LogKind.IstioJson, LogKind.NeverMatching, LogKind.ManyRecords, LogKind.BlockedPipe])
            {
                running[kind] = Start(kind, backendPort);
            }

            MeasureCost(running);
            MeasureLatency(running);
        }
        finally
        {
            foreach ((PinnedProcess process, _) in running.Values)
            {
                process.Dispose();
            }
        }
    }

    private (PinnedProcess Process, int Port) Start(LogKind kind, int backendPort)
    {
        var setup = new PeerSetup
        {
            Mode = BenchMode.Of("http"), Directory = directory, Port = Bench.FreePort(), BackendPort = backendPort, Log = kind,
        };
        if (kind == LogKind.BlockedPipe)
        {
            // Open for reading and writing, so that our own opening does not wait, and never read: 64 KiB fill it.
            using System.Diagnostics.Process made = System.Diagnostics.Process.Start("mkfifo", AccessLogConfig.PathOf(setup));
            made.WaitForExit();
            _pipe = new FileStream(AccessLogConfig.PathOf(setup), FileMode.Open, FileAccess.ReadWrite);
        }

        var peer = new PilotfishPeer(options.Pilotfish);
        System.Diagnostics.ProcessStartInfo start = peer.Configure(setup)
            ?? throw new InvalidOperationException($"There is no executable '{options.Pilotfish}'.");
        string output = setup.PathOf($"pilotfish-{kind}.out");
        PinnedProcess process = PinnedProcess.Start(start, Bench.ProxyCore, output);
        if (!process.WaitForPort(setup.Port))
        {
            throw new InvalidOperationException($"{kind} did not start: {File.ReadAllText(output)}");
        }

        WrkLoad.Run(setup.Port, s_host, options.Connections, peer.WarmUp);
        return (process, setup.Port);
    }

    private void MeasureCost(Dictionary<LogKind, (PinnedProcess Process, int Port)> running)
    {
        LogKind[] kinds = [LogKind.None, LogKind.IstioText, LogKind.IstioJson, LogKind.NeverMatching];
        var cost = kinds.ToDictionary(kind => kind, _ => new List<double>());
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (LogKind kind in kinds)
            {
                (PinnedProcess process, int port) = running[kind];
                double before = process.Cpu().Seconds;
                double requests = WrkLoad.Run(port, s_host, options.Connections, TimeSpan.FromSeconds(options.Seconds)).Operations;
                cost[kind].Add((process.Cpu().Seconds - before) * 1e6 / requests);
            }
        }

        Console.WriteLine();
        Console.WriteLine("logs: processor time per request, and over none (per round: median and range)");
        foreach (LogKind kind in kinds)
        {
            double[] over = [.. cost[kind].Zip(cost[LogKind.None], static (a, b) => a / b).Order()];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {kind,-15} {Middle(cost[kind]),8:F1} us   {over[over.Length / 2]:F3} ({over[0]:F3}-{over[^1]:F3})"));
        }
    }

    private void MeasureLatency(Dictionary<LogKind, (PinnedProcess Process, int Port)> running)
    {
        const int Rate = RecordsPerSecond / AccessLogConfig.RecordsPerRequest;
        LogKind[] kinds = [LogKind.None, LogKind.ManyRecords, LogKind.BlockedPipe];
        var p50 = kinds.ToDictionary(kind => kind, _ => new List<double>());
        var p99 = kinds.ToDictionary(kind => kind, _ => new List<double>());
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (LogKind kind in kinds)
            {
                using var load = new RateLoad(running[kind].Port, s_host);
                (_, double middle, double late, _) = load.Run(Rate, TimeSpan.FromSeconds(options.Seconds));
                p50[kind].Add(middle);
                p99[kind].Add(late);
            }
        }

        Console.WriteLine();
        Console.WriteLine($"latency at {Rate} requests per second; {RecordsPerSecond} records per second to /dev/null and to a blocked pipe");
        foreach (LogKind kind in kinds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {kind,-15} p50 {Middle(p50[kind]),8:F2} ms   p99 {Middle(p99[kind]),8:F2} ms ({p99[kind].Min():F2}-{p99[kind].Max():F2})"));
        }

        // Of the same round's seconds, so that what the machine did besides is in both.
        double[] ratios = [.. p99[LogKind.BlockedPipe].Zip(p99[LogKind.ManyRecords], static (a, b) => a / b).Order()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  p99, blocked pipe over /dev/null, per round: {ratios[ratios.Length / 2]:F2} ({ratios[0]:F2}-{ratios[^1]:F2})"));
    }

    public void Dispose() => _pipe?.Dispose();

    private static double Middle(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
