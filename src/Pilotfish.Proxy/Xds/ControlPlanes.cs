using Envoy.Config.Core.V3;

namespace Pilotfish.Proxy.Xds;

/// <summary>Reads which cluster a control plane is reached through.</summary>
internal static class ControlPlanes
{
    /// <summary>Null when the source has no gRPC service of the Envoy kind.</summary>
    public static string? ClusterOf(ApiConfigSource? source)
    {
        if (source is { GrpcServices.Count: > 0 } && source.GrpcServices[0].EnvoyGrpc?.ClusterName is { Length: > 0 } name)
        {
            return name;
        }

        return source is { ClusterNames.Count: > 0 } ? source.ClusterNames[0] : null;
    }

    /// <summary>The service that says authority, metadata and back-off; null when the source names its cluster only.</summary>
    public static GrpcService? ServiceOf(ApiConfigSource? source) => source is { GrpcServices.Count: > 0 } ? source.GrpcServices[0] : null;

    /// <summary>The waits between attempts: envoy_grpc.retry_policy.retry_back_off, with Envoy's defaults and its tenfold cap.</summary>
    public static BackOff BackOffOf(GrpcService? service)
    {
        const long BaseMilliseconds = 500;
        const long CapMilliseconds = 30_000;
        const int CapFactor = 10;
        if (service?.EnvoyGrpc?.RetryPolicy?.RetryBackOff is not { BaseInterval: { } given } backOff)
        {
            return new BackOff(BaseMilliseconds, CapMilliseconds, Random.Shared.NextDouble);
        }

        long least = Math.Max(1, (long)given.ToTimeSpan().TotalMilliseconds);
        long cap = backOff.MaxInterval is { } max ? (long)max.ToTimeSpan().TotalMilliseconds : least * CapFactor;
        return new BackOff(least, Math.Max(least, cap), Random.Shared.NextDouble);
    }

    public static bool IsDelta(ApiConfigSource source) =>
        source.ApiType is ApiConfigSource.Types.ApiType.DeltaGrpc or ApiConfigSource.Types.ApiType.AggregatedDeltaGrpc;
}
