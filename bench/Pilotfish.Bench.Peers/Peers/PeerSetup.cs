namespace Pilotfish.Bench.Peers.Peers;

/// <summary>What every peer is told to do in a mode.</summary>
internal sealed record PeerSetup
{
    public required string Directory { get; init; }

    public required int Port { get; init; }

    public required int BackendPort { get; init; }

    /// <summary>Our admin address; 0 lets it choose one.</summary>
    public int AdminPort { get; init; }

    /// <summary>Plain TCP instead of HTTP.</summary>
    public bool Tcp { get; init; }

    /// <summary>Null listens in plaintext.</summary>
    public TlsFiles? Tls { get; init; }

    /// <summary>Clients must show a certificate of the same root.</summary>
    public bool MutualTls { get; init; }

    public LogKind Log { get; init; }

    public bool AccessLog => Log != LogKind.None;

    /// <summary>Virtual hosts, service-0.example.com and on; requests go to one in the middle.</summary>
    public int Hosts { get; init; } = 1;

    public string PathOf(string name) => Path.Combine(Directory, name);
}
