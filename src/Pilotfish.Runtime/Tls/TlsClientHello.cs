namespace Pilotfish.Runtime.Tls;

/// <summary>What a client asked for, when its server chooses what to answer with.</summary>
public sealed class TlsClientHello
{
    /// <summary>Null without SNI.</summary>
    public required string? ServerName { get; init; }

    /// <summary>The client's application protocols in its order; empty without ALPN.</summary>
    public required IReadOnlyList<string> ApplicationProtocols { get; init; }

    /// <summary>Whether the client can verify signatures of an EC key (its signature_algorithms extension).</summary>
    public bool AcceptsEcdsa { get; init; }
}
