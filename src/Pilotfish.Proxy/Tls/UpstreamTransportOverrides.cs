namespace Pilotfish.Proxy.Tls;

/// <summary>
/// What one downstream request or connection changes about the upstream transport (istio.alpn, auto_sni). Connections made with
/// different overrides are not interchangeable, so it is part of the pool key and compares by value.
/// </summary>
public sealed record UpstreamTransportOverrides
{
    /// <summary>ALPN names joined with commas in order of preference; null keeps the cluster's.</summary>
    public string? ApplicationProtocols { get; init; }

    public string? ServerName { get; init; }

    public string? VerifySubjectAltName { get; init; }
}
