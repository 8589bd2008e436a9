namespace Pilotfish.Runtime.Tls;

/// <summary>What a client asked for, when its server chooses what to answer with.</summary>
public sealed class TlsClientHello
{
    /// <summary>Null without SNI.</summary>
    public required string? ServerName { get; init; }

    /// <summary>The client's application protocols in its order; empty without ALPN.</summary>
    public required IReadOnlyList<string> ApplicationProtocols { get; init; }
}
