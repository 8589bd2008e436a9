namespace Pilotfish.Proxy.Clusters;

/// <summary>How a DNS cluster resolves its names.</summary>
public sealed record DnsPolicy
{
    public const long DefaultRefreshMilliseconds = 5000;

    public long RefreshMilliseconds { get; init; } = DefaultRefreshMilliseconds;

    public long JitterMilliseconds { get; init; }

    public long FailureBaseMilliseconds { get; init; } = DefaultRefreshMilliseconds;

    public long FailureMaxMilliseconds { get; init; } = DefaultRefreshMilliseconds;

    public bool RespectsTtl { get; init; }

    public DnsLookupFamily Family { get; init; }

    public DnsResolverOptions Resolver { get; init; } = DnsResolverOptions.Default;
}
