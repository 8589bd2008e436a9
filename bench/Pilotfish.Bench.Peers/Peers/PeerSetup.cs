namespace Pilotfish.Bench.Peers.Peers;

/// <summary>What one process of a peer is told to do.</summary>
internal sealed record PeerSetup
{
    public required BenchMode Mode { get; init; }

    /// <summary>Of this process alone: two of a pair write files of the same names.</summary>
    public required string Directory { get; init; }

    public required int Port { get; init; }

    public required int BackendPort { get; init; }

    /// <summary>Our admin address; 0 lets it choose one.</summary>
    public int AdminPort { get; init; }

    /// <summary>Null listens in plaintext.</summary>
    public TlsFiles? Tls { get; init; }

    /// <summary>Null speaks plaintext to the backend.</summary>
    public TlsFiles? UpstreamTls { get; init; }

    /// <summary>Clients must show a certificate of the same root.</summary>
    public bool MutualTls { get; init; }

    public LogKind Log { get; init; }

    public bool AccessLog => Log != LogKind.None;

    public string PathOf(string name) => Path.Combine(Directory, name);
}
