using System.Globalization;
using System.Text.Json;
using Pilotfish.Bench.Peers.Loads;
using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>
/// Our own memory: resident size at rest, after load and when load is long gone, managed bytes allocated per request, bytes per idle connection. The
/// allocated bytes are the growth of the managed heap over a load, read on the admin address; a collection in between would make it
/// shrink, and then the measurement is repeated.
/// </summary>
internal sealed class MemoryBench(BenchOptions options, string directory)
{
    private const int AttemptsMax = 10;

    // The proxy gives back what its start needed 2 s after it.
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(5);

    // It looks every 10 s whether load has left it large.
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(25);

    private static readonly string s_host = "service-0.example.com";

    public void Run()
    {
        int backendPort = Bench.FreePort();
        var setup = new PeerSetup
        {
            Mode = BenchMode.Of("http"), Directory = directory, Port = Bench.FreePort(), BackendPort = backendPort, AdminPort = Bench.FreePort(),
        };
        var peer = new PilotfishPeer(options.Pilotfish);
        if (peer.Configure(setup) is not { } start)
        {
            Console.WriteLine($"There is no executable '{options.Pilotfish}'.");
            return;
        }

        using PinnedProcess backend = PinnedProcess.Start(Backend.Configure(directory, backendPort, BenchMode.Of("http"), null), Bench.LoadCore, setup.PathOf("backend.out"));
        using PinnedProcess process = PinnedProcess.Start(start, Bench.ProxyCore, setup.PathOf("pilotfish.out"));
        if (!backend.WaitForPort(backendPort) || !process.WaitForPort(setup.Port))
        {
            Console.WriteLine($"It did not start: {File.ReadAllText(setup.PathOf("pilotfish.out"))}");
            return;
        }

        Console.WriteLine();
        Console.WriteLine("memory");
        Print("RSS when the port opens, MB", process.ResidentKilobytes() / 1024.0);
        Thread.Sleep(s_settle);
        Print("RSS at rest, MB", process.ResidentKilobytes() / 1024.0);
        WrkLoad.Run(setup.Port, s_host, options.Connections, peer.WarmUp);
        Print("managed bytes allocated per request", AllocatedPerRequest(setup));
        Print($"RSS after load at {options.Connections} connections, MB", process.ResidentKilobytes() / 1024.0);
        Thread.Sleep(s_quiet);
        Print($"the same after {s_quiet.TotalSeconds:F0} s without load, MB", process.ResidentKilobytes() / 1024.0);
        long before = process.ResidentKilobytes();
        long during = 0;
        IdleLoad.Run(setup.Port, s_host, options.IdleConnections, tls: false, () => during = process.ResidentKilobytes());
        Print($"bytes per idle connection of {options.IdleConnections}", (during - before) * 1024.0 / options.IdleConnections);
        Print("RSS when they are gone, MB", process.ResidentKilobytes() / 1024.0);
        Thread.Sleep(s_quiet);
        Print($"the same after {s_quiet.TotalSeconds:F0} s without load, MB", process.ResidentKilobytes() / 1024.0);
    }

    /// <summary>The slope between a short load and a long one: what connections cost when they open is in both.</summary>
    private double AllocatedPerRequest(PeerSetup setup)
    {
        using var admin = new HttpClient();
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            (double Bytes, double Requests)? brief = Grow(admin, setup, options.Seconds);
            (double Bytes, double Requests)? lengthy = Grow(admin, setup, options.Seconds * 4);
            if (brief is { } a && lengthy is { } b && b.Requests > a.Requests)
            {
                return Math.Max(0, b.Bytes - a.Bytes) / (b.Requests - a.Requests);
            }
        }

        return double.NaN;
    }

    /// <summary>Null when the heap was collected meanwhile.</summary>
    private (double Bytes, double Requests)? Grow(HttpClient admin, PeerSetup setup, int seconds)
    {
        double before = HeapBytes(admin, setup.AdminPort);
        double requests = WrkLoad.Run(setup.Port, s_host, options.Connections, TimeSpan.FromSeconds(seconds)).Operations;
        double after = HeapBytes(admin, setup.AdminPort);
        return after >= before ? (after - before, requests) : null;
    }

    private static double HeapBytes(HttpClient admin, int port)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}/memory");
        using HttpResponseMessage response = admin.Send(request);
        using JsonDocument json = JsonDocument.Parse(response.Content.ReadAsStream());
        JsonElement allocated = json.RootElement.GetProperty("allocated");
        return allocated.ValueKind == JsonValueKind.String
            ? double.Parse(allocated.GetString()!, CultureInfo.InvariantCulture)
            : allocated.GetDouble();
    }

    private static void Print(string what, double value) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-55} {value,10:F1}"));
}
