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

    private readonly IPeer[] _peers = [new PilotfishPeer(options.Pilotfish), new NginxPeer(), new HaproxyPeer(), new YarpPeer(options.Yarp)];
    private string _path = Backend.SmallPath;

    /// <summary>Our processor time over a peer's, by mode and peer.</summary>
    public Dictionary<(string Mode, string Peer), double> Ratios { get; } = [];

    public void Run(string mode)
    {
        bool tcp = mode == "tcp";
        bool handshakes = mode is "tls-full" or "tls-resumed";
        TlsFiles? tls = handshakes || mode == "tls" ? new TlsFiles(directory) : null;
        int hosts = mode.StartsWith("hosts-", StringComparison.Ordinal) ? int.Parse(mode[6..], CultureInfo.InvariantCulture) : 1;
        string host = HostOf(hosts);
        using TcpLoad? tcpLoad = tcp ? new TcpLoad() : null;
        int backendPort = tcpLoad?.SinkPort ?? FreePort();
        using PinnedProcess? backend = tcp ? null : PinnedProcess.Start(Backend.Configure(directory, backendPort), LoadCore, LogOf("backend"));
        if (backend is not null && !backend.WaitForPort(backendPort))
        {
            throw new InvalidOperationException($"The backend did not start; see {LogOf("backend")}.");
        }

        var running = new Dictionary<string, (PinnedProcess Process, int Port)>();
        try
        {
            foreach (IPeer peer in _peers.Where(peer => options.Peers.Contains(peer.Name)))
            {
                var setup = new PeerSetup
                {
                    Directory = directory, Port = FreePort(), BackendPort = backendPort, Tcp = tcp, Log = mode == "http-log" ? LogKind.Text : LogKind.None, Hosts = hosts,
                    Tls = tls, MutualTls = handshakes,
                };
                StartPeer(peer, setup, running);
            }

            if (mode == "idle")
            {
                MeasureIdle(running, host);
            }
            else if (mode == "latency")
            {
                MeasureLatency(mode, running, host);
            }
            else
            {
                _path = mode switch { "http-10k" => Backend.MediumPath, "http-1m" => Backend.LargePath, _ => Backend.SmallPath };
                Measure(mode, running, LoadOf(mode, host, tcpLoad, tls));
            }
        }
        finally
        {
            foreach ((PinnedProcess process, _) in running.Values)
            {
                process.Dispose();
            }
        }
    }

    private void StartPeer(IPeer peer, PeerSetup setup, Dictionary<string, (PinnedProcess Process, int Port)> running)
    {
        ProcessStartInfo? start = peer.Configure(setup);
        if (start is null)
        {
            Console.WriteLine($"  {peer.Name} does not do this mode here.");
            return;
        }

        PinnedProcess process = PinnedProcess.Start(start, ProxyCore, LogOf(peer.Name));
        if (!process.WaitForPort(setup.Port) || !(setup.Tcp || setup.Tls is not null || process.WaitForAnswer(setup.Port, HostOf(setup.Hosts))))
        {
            string log = File.Exists(LogOf(peer.Name)) ? File.ReadAllText(LogOf(peer.Name)) : "";
            Console.WriteLine($"  {peer.Name} did not start: {log[..Math.Min(log.Length, 2000)]}");
            process.Dispose();
            return;
        }

        running[peer.Name] = (process, setup.Port);
    }

    /// <summary>Operations, the seconds they took, and latencies where the load knows them.</summary>
    private Func<int, TimeSpan, (double Operations, double Seconds, double P50, double P99)> LoadOf(
        string mode, string host, TcpLoad? tcpLoad, TlsFiles? tls) => (port, time) =>
    {
        if (tcpLoad is not null)
        {
            (double mebibytes, double seconds) = tcpLoad.Run(port, TcpConnections, time);
            return (mebibytes, seconds, 0, 0);
        }

        if (mode is "tls-full" or "tls-resumed")
        {
            (double done, double seconds) = HandshakeLoad.Run(port, tls!, resumed: mode == "tls-resumed", time);
            return (done, seconds, 0, 0);
        }

        return WrkLoad.Run(port, host, options.Connections, time, _path, tls is not null);
    };

    private void Measure(
        string mode, Dictionary<string, (PinnedProcess Process, int Port)> running,
        Func<int, TimeSpan, (double Operations, double Seconds, double P50, double P99)> load)
    {
        var samples = new Dictionary<string, List<Sample>>();
        foreach ((string name, (PinnedProcess process, int port)) in running)
        {
            samples[name] = [];
            MeasureOnce(process, port, load, _peers.First(peer => peer.Name == name).WarmUp);
        }

        for (int round = 0; round < options.Rounds; round++)
        {
            foreach ((string name, (PinnedProcess process, int port)) in running)
            {
                samples[name].Add(MeasureOnce(process, port, load, TimeSpan.FromSeconds(options.Seconds)));
            }
        }

        foreach ((string peer, double ratio) in Report.Print(mode, samples))
        {
            Ratios[(mode, peer)] = ratio;
        }
    }

    private void MeasureLatency(string mode, Dictionary<string, (PinnedProcess Process, int Port)> running, string host)
    {
        int first = running.TryGetValue("pilotfish", out (PinnedProcess Process, int Port) ours) ? ours.Port : running.Values.First().Port;
        double rate = options.Rate > 0
            ? options.Rate
            : LatencyLoad * Saturation(WrkLoad.Run(first, host, options.Connections, TimeSpan.FromSeconds(options.Seconds)));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"latency at {rate:F0} requests per second"));
        var samples = running.Keys.ToDictionary(name => name, _ => new List<Sample>());
        for (int round = -1; round < options.Rounds; round++)
        {
            foreach ((string name, (PinnedProcess process, int port)) in running)
            {
                using var load = new RateLoad(port, host);
                double before = process.CpuSeconds();
                (double requests, double p50, double p99, double p999) = load.Run(rate, TimeSpan.FromSeconds(options.Seconds));
                double cpu = (process.CpuSeconds() - before) * 1e6 / requests;
                if (round >= 0)
                {
                    samples[name].Add(
                        new Sample(requests / options.Seconds, cpu, p50, p99, process.ResidentKilobytes()) { P999Milliseconds = p999 });
                }
            }
        }

        Report.Print(mode, samples);
    }

    private static double Saturation((double Requests, double Seconds, double P50, double P99) run) => run.Requests / run.Seconds;

    private static Sample MeasureOnce(
        PinnedProcess process, int port, Func<int, TimeSpan, (double Operations, double Seconds, double P50, double P99)> load, TimeSpan time)
    {
        double before = process.CpuSeconds();
        (double operations, double seconds, double p50, double p99) = load(port, time);
        double cpu = process.CpuSeconds() - before;
        return new Sample(operations / seconds, cpu * 1e6 / operations, p50, p99, process.ResidentKilobytes());
    }

    private void MeasureIdle(Dictionary<string, (PinnedProcess Process, int Port)> running, string host)
    {
        Console.WriteLine();
        Console.WriteLine($"idle: {options.IdleConnections} connections after one request each");
        foreach ((string name, (PinnedProcess process, int port)) in running)
        {
            WrkLoad.Run(port, host, options.Connections, TimeSpan.FromSeconds(1));
            long before = process.ResidentKilobytes();
            long during = 0;
            int answered = IdleLoad.Run(port, host, options.IdleConnections, () => during = process.ResidentKilobytes());
            double each = (during - before) * 1024.0 / options.IdleConnections;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"      {name,-10} {each,8:F0} bytes each   RSS {before / 1024.0:F1} -> {during / 1024.0:F1} MB   answered {answered}"));
        }
    }

    private static string HostOf(int hosts) => $"service-{hosts * 3 / 4}.example.com";

    private string LogOf(string name) => Path.Combine(directory, name + ".out");

    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
