namespace Pilotfish.Agent.Dns;

/// <summary>How a <see cref="DnsProxy"/> expands names and whom it asks.</summary>
public sealed record DnsProxyOptions
{
    public required string ProxyNamespace { get; init; }

    /// <summary>As in the node id: <c>NAMESPACE.svc.cluster.local</c>.</summary>
    public required string ProxyDomain { get; init; }

    public required ResolverConfig Resolver { get; init; }

    public TimeSpan UpstreamTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public bool ForwardInParallel { get; init; }

    /// <summary>
    /// Whether questions go upstream before the first table has come. True where the proxy is the machine's own DNS server:
    /// the control plane's name is then resolved through it.
    /// </summary>
    public bool AnswerBeforeTable { get; init; }
}
