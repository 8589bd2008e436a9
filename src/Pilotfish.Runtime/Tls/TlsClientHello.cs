namespace Pilotfish.Runtime.Tls;

/// <summary>What a client asked for, when its server chooses what to answer with.</summary>
public sealed class TlsClientHello
{
    /// <summary>Null without SNI.</summary>
    public required string? ServerName { get; init; }

    /// <summary>The client's application protocols in its order; empty without ALPN.</summary>
    public required IReadOnlyList<string> ApplicationProtocols { get; init; }

    /// <summary>Curves of EC certificates that the client can verify.</summary>
    public EcdsaCurves EcdsaCurves { get; init; }

    /// <summary>Whether the client asks for an OCSP response with the certificate (status_request, RFC 6066 section 8).</summary>
    public bool AsksForStaple { get; init; }

    /// <summary>Why the chooser gave nothing, with the alert that says so (RFC 8446 section 6); written by the chooser.</summary>
    public TlsHelloRefusal? Refusal { get; set; }
}
