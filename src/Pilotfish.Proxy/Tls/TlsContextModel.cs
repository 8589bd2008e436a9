using System.Security.Authentication;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>The compiled common_tls_context of either side. Secrets are read through their slots at each handshake.</summary>
internal sealed class TlsContextModel
{
    /// <summary>Empty when this side shows no certificate.</summary>
    public IReadOnlyList<CertificateSlot> Certificates { get; init; } = [];

    /// <summary>Null when the peer is not verified.</summary>
    public TrustSlot? Trust { get; init; }

    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    public SslProtocols Protocols { get; init; }

    /// <summary>IANA names allowed under TLS 1.2, most wanted first; null for Envoy's default.</summary>
    public IReadOnlyCollection<string>? CipherSuites { get; init; }

    /// <summary>Key exchange groups, most wanted first; empty for the library's own.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Signature schemes, most wanted first; empty for the library's own.</summary>
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];

    /// <summary>TLS 1.3 with AES-GCM only.</summary>
    public bool IsAesOnly { get; init; }

    /// <summary>key_log; null writes no keys.</summary>
    public SessionKeyLog? KeyLog { get; init; }

    public bool IsReady
    {
        get
        {
            if (Trust is { Current: null })
            {
                return false;
            }

            foreach (CertificateSlot slot in Certificates)
            {
                if (slot.Current is null)
                {
                    return false;
                }
            }

            return true;
        }
    }
}
