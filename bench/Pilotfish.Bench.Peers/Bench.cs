using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Bench.Peers.Loads;
using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>Starts the peers of a mode side by side, loads one at a time in interleaved rounds, and ends them by their ids.</summary>
internal sealed class Bench(BenchOptions options, string directory)
{
    internal const int ProxyCore = 0;
    internal const int LoadCore = 1;
    private const int TcpConnections = 4;

    /// <summary>The share of our own saturation at which latencies are compared: busy, and far from queueing.</summary>
    private const double LatencyLoad = 0.3;

    // More than that is a peer that does not work, whose processor time says nothing.
    private const double FailedShareOfPeersMax = 0.001;

    private readonly IPeer[] _peers = [new PilotfishPeer(options.Pilotfish), new NginxPeer(), new HaproxyPeer(), new YarpPeer(options.Yarp)];

    /// <summary>Our processor time over a peer's, by mode and peer.</summary>
    public Dictionary<(string Mode, string Peer), double> Ratios { get; } = [];

    public void Run(string name)
    {
        BenchMode mode = BenchMode.Of(name);
        TlsFiles? tls = mode.Tls || mode.UpstreamTls || mode.Pair ? new TlsFiles(directory) : null;
        using TcpLoad? tcp = mode.Load == LoadKind.Tcp ? new TcpLoad() : null;
        using WebSocketLoad? webSocket = mode.WebSocket ? new WebSocketLoad() : null;
        int backendPort = tcp?.SinkPort ?? webSocket?.ServerPort ?? FreePort();
        using PinnedProcess? backend = mode.HasOwnBackend
            ? null
            : PinnedProcess.Start(Backend.Configure(directory, backendPort, mode, tls), LoadCore, LogOf("backend"));
        if (backend is not null && !backend.WaitForPort(backendPort))
        {
            throw new InvalidOperationException($"The backend did not start; see {LogOf("backend")}.");
        }

        var running = new List<RunningPeer>();
        try
        {
            foreach (IPeer peer in _peers.Where(peer => options.Peers.Contains(peer.Name)))
            {
                if (Start(peer, mode, backendPort, tls) is { } started)
                {
                    running.Add(started);
                }
            }

            Measure(mode, running, tcp, webSocket, tls);
        }
        finally
        {
            running.ForEach(peer => peer.Dispose());
        }
    }

    private RunningPeer? Start(IPeer peer, BenchMode mode, int backendPort, TlsFiles? tls)
    {
        var last = new PeerSetup
        {
            Mode = mode, Directory = DirectoryOf(peer.Name), Port = FreePort(), BackendPort = backendPort,
            Log = mode.AccessLog ? LogKind.Text : LogKind.None,
            Tls = mode.Tls || mode.Pair ? tls : null, UpstreamTls = mode.UpstreamTls ? tls : null, MutualTls = mode.MutualTls || mode.Pair,
        };
        var running = new RunningPeer(peer);
        bool started = running.Add(last, LogOf(peer.Name));
        if (started && mode.Pair)
        {
            started = running.Add(new PeerSetup
            {
                Mode = mode, Directory = DirectoryOf(peer.Name + "-first"), Port = FreePort(), BackendPort = last.Port, UpstreamTls = tls,
            }, LogOf(peer.Name + "-first"));
        }

        bool plain = mode is { Tls: false, Http2: false, HasOwnBackend: false };
        if (started && (!plain || running.WaitForAnswer(HostOf(mode))))
        {
            return running;
        }

        Console.WriteLine($"  {peer.Name} {(running.IsEmpty ? "does not do this mode here." : "did not start: " + LogText(peer.Name))}");
        running.Dispose();
        return null;
    }

    private void Measure(BenchMode mode, List<RunningPeer> running, TcpLoad? tcp, WebSocketLoad? webSocket, TlsFiles? tls)
    {
        string host = HostOf(mode);
        switch (mode.Load)
        {
            case LoadKind.Idle:
                MeasureIdle(mode, running, host);
                return;
            case LoadKind.Rate:
                MeasureLatency(mode, running, host);
                return;
            default:
                break;
        }

        MeasureLoad(mode, running, (port, time) => mode.Load switch
        {
            LoadKind.Tcp => tcp!.Run(port, TcpConnections, time),
            LoadKind.WebSocket => webSocket!.Run(port, host, time),
            LoadKind.FullHandshakes => HandshakeLoad.Run(port, tls!, resumed: false, time),
            LoadKind.ResumedHandshakes => HandshakeLoad.Run(port, tls!, resumed: true, time),
            LoadKind.Http2 or LoadKind.Grpc => H2Load.Run(port, host, mode.Load == LoadKind.Grpc, directory, time),
            _ => WrkLoad.Run(port, host, options.Connections, time, mode.Path, mode.Tls),
        });
    }

    private void MeasureLoad(BenchMode mode, List<RunningPeer> running, Func<int, TimeSpan, LoadResult> load)
    {
        var samples = running.ToDictionary(peer => peer.Name, _ => new List<Sample>());
        running.ForEach(peer => MeasureOnce(peer, load, peer.WarmUp));
        for (int round = 0; round < options.Rounds; round++)
        {
            running.ForEach(peer => samples[peer.Name].Add(MeasureOnce(peer, load, TimeSpan.FromSeconds(options.Seconds))));
        }

        Note(mode, samples);
    }

    private void MeasureLatency(BenchMode mode, List<RunningPeer> running, string host)
    {
        RunningPeer ours = running.Find(peer => peer.Name == "pilotfish") ?? running[0];
        LoadResult full = WrkLoad.Run(ours.Port, host, options.Connections, TimeSpan.FromSeconds(options.Seconds));
        double rate = options.Rate > 0 ? options.Rate : LatencyLoad * full.Operations / full.Seconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"latency at {rate:F0} requests per second"));
        var samples = running.ToDictionary(peer => peer.Name, _ => new List<Sample>());
        for (int round = -1; round < options.Rounds; round++)
        {
            foreach (RunningPeer peer in running)
            {
                using var load = new RateLoad(peer.Port, host);
                double p999 = 0;
                Sample sample = MeasureOnce(peer, (_, time) =>
                {
                    (double requests, double p50, double p99, p999) = load.Run(rate, time);
                    return new LoadResult(requests, time.TotalSeconds, p50, p99);
                }, TimeSpan.FromSeconds(options.Seconds));
                if (round >= 0)
                {
                    samples[peer.Name].Add(sample with { P999Milliseconds = p999 });
                }
            }
        }

        Note(mode, samples);
    }

    private void Note(BenchMode mode, Dictionary<string, List<Sample>> samples)
    {
        foreach ((string peer, double ratio) in Report.Print(mode.Name, mode.Unit, samples))
        {
            Ratios[(mode.Name, peer)] = ratio;
        }
    }

    private static Sample MeasureOnce(RunningPeer peer, Func<int, TimeSpan, LoadResult> load, TimeSpan time)
    {
        CpuTime before = peer.Cpu();
        LoadResult done = load(peer.Port, time);
        CpuTime cpu = peer.Cpu() - before;
        if (done.Failed > 0)
        {
            // A peer's rare failure (nginx closes HTTP/2 upstreams by number of requests) costs it nothing here; ours is a bug.
            string failures = $"{peer.Name} failed {done.Failed} of {done.Operations + done.Failed} operations";
            if (peer.Name == "pilotfish" || done.Failed > done.Operations * FailedShareOfPeersMax)
            {
                throw new InvalidOperationException(failures);
            }

            Console.WriteLine(failures);
        }

        return new Sample(
            done.Operations / done.Seconds, cpu.Seconds * 1e6 / done.Operations, done.P50Milliseconds, done.P99Milliseconds,
            peer.ResidentKilobytes())
        {
            UserMicrosecondsPerOperation = cpu.UserSeconds * 1e6 / done.Operations,
        };
    }

    private void MeasureIdle(BenchMode mode, List<RunningPeer> running, string host)
    {
        Console.WriteLine();
        Console.WriteLine($"{mode.Name}: {options.IdleConnections} connections after one request each");
        double ours = 0;
        foreach (RunningPeer peer in running)
        {
            WrkLoad.Run(peer.Port, host, options.Connections, TimeSpan.FromSeconds(1), tls: mode.Tls);
            long before = peer.ResidentKilobytes();
            long during = 0;
            int answered = IdleLoad.Run(peer.Port, host, options.IdleConnections, mode.Tls, () => during = peer.ResidentKilobytes());
            double each = (during - before) * 1024.0 / options.IdleConnections;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"      {peer.Name,-10} {each,8:F0} bytes each   RSS {before / 1024.0:F1} -> {during / 1024.0:F1} MB   answered {answered}"));
            if (peer.Name == "pilotfish")
            {
                ours = each;
            }
            else if (ours > 0 && each > 0)
            {
                Ratios[(mode.Name, peer.Name)] = ours / each;
            }
        }
    }

    private static string HostOf(BenchMode mode) => $"service-{mode.Hosts * 3 / 4}.example.com";

    private string DirectoryOf(string name) => Directory.CreateDirectory(Path.Combine(directory, name)).FullName;

    private string LogOf(string name) => Path.Combine(directory, name + ".out");

    private string LogText(string name)
    {
        string log = File.Exists(LogOf(name)) ? File.ReadAllText(LogOf(name)) : "";
        return log[..Math.Min(log.Length, 2000)];
    }

    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
