using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>`tls_inspector.*`.</summary>
internal sealed class TlsInspectorStats(StatScope scope)
{
    public Counter TlsFound { get; } = scope.Counter("tls_found");

    public Counter TlsNotFound { get; } = scope.Counter("tls_not_found");

    public Counter AlpnFound { get; } = scope.Counter("alpn_found");

    public Counter AlpnNotFound { get; } = scope.Counter("alpn_not_found");

    public Counter SniFound { get; } = scope.Counter("sni_found");

    public Counter SniNotFound { get; } = scope.Counter("sni_not_found");

    public Counter ClientHelloTooLarge { get; } = scope.Counter("client_hello_too_large");

    /// <summary>What had to be looked at to decide.</summary>
    public Histogram BytesProcessed { get; } = scope.Histogram("bytes_processed");
}
