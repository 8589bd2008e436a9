using System.Globalization;

namespace Pilotfish.Bench.Peers;

/// <summary>What one mode asks of peers, backend and load. Immutable.</summary>
internal sealed record BenchMode
{
    private static readonly Dictionary<string, BenchMode> s_modes = new(StringComparer.Ordinal)
    {
        ["http"] = new() { Name = "http" },
        ["http-10k"] = new() { Name = "http-10k", Path = Backend.MediumPath },
        ["http-1m"] = new() { Name = "http-1m", Path = Backend.LargePath },
        ["http-log"] = new() { Name = "http-log", AccessLog = true },
        ["latency"] = new() { Name = "latency", Load = LoadKind.Rate },
        ["tcp"] = new() { Name = "tcp", Load = LoadKind.Tcp, Unit = "MiB" },
        ["idle"] = new() { Name = "idle", Load = LoadKind.Idle },
        ["idle-tls"] = new() { Name = "idle-tls", Load = LoadKind.Idle, Tls = true },
        ["tls"] = new() { Name = "tls", Tls = true },
        ["tls-reencrypt"] = new() { Name = "tls-reencrypt", Tls = true, UpstreamTls = true },
        ["tls-full"] = new() { Name = "tls-full", Load = LoadKind.FullHandshakes, Tls = true, MutualTls = true, Unit = "handshake" },
        ["tls-full-istio"] = new()
        {
            Name = "tls-full-istio", Load = LoadKind.FullHandshakes, Tls = true, MutualTls = true, IstioTls = true, Unit = "handshake",
        },
        ["tls-resumed"] = new() { Name = "tls-resumed", Load = LoadKind.ResumedHandshakes, Tls = true, MutualTls = true, Unit = "handshake" },
        ["h2"] = new() { Name = "h2", Load = LoadKind.Http2, Http2 = true },
        ["grpc"] = new() { Name = "grpc", Load = LoadKind.Grpc, Http2 = true, UpstreamHttp2 = true, Unit = "call" },
        ["websocket"] = new() { Name = "websocket", Load = LoadKind.WebSocket, WebSocket = true, Unit = "message" },
        ["pair"] = new() { Name = "pair", Pair = true },
    };

    public required string Name { get; init; }

    public LoadKind Load { get; init; }

    /// <summary>One of what is counted.</summary>
    public string Unit { get; init; } = "req";

    public string Path { get; init; } = Backend.SmallPath;

    public bool AccessLog { get; init; }

    /// <summary>Virtual hosts, service-0.example.com and on.</summary>
    public int Hosts { get; init; } = 1;

    public bool Tls { get; init; }

    /// <summary>Clients must show a certificate.</summary>
    public bool MutualTls { get; init; }

    /// <summary>The versions, ciphers and protocols that istiod sends.</summary>
    public bool IstioTls { get; init; }

    public bool UpstreamTls { get; init; }

    public bool Http2 { get; init; }

    public bool UpstreamHttp2 { get; init; }

    public bool WebSocket { get; init; }

    /// <summary>Two proxies of a kind in a row, mutual TLS between them; their processor time is added.</summary>
    public bool Pair { get; init; }

    /// <summary>The load brings its own backend.</summary>
    public bool HasOwnBackend => Load is LoadKind.Tcp or LoadKind.WebSocket;

    public static string Names => string.Join(", ", s_modes.Keys) + ", hosts-N";

    public static BenchMode Of(string name)
    {
        if (s_modes.TryGetValue(name, out BenchMode? mode))
        {
            return mode;
        }

        return name.StartsWith("hosts-", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out int hosts) && hosts is > 0 and <= 100_000
            ? new BenchMode { Name = name, Hosts = hosts }
            : throw new ArgumentException($"'{name}' is no mode; there are {Names}, logs and memory.");
    }
}
