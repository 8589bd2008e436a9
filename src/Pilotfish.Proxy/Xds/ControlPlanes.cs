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

    public static bool IsDelta(ApiConfigSource source) =>
        source.ApiType is ApiConfigSource.Types.ApiType.DeltaGrpc or ApiConfigSource.Types.ApiType.AggregatedDeltaGrpc;
}
