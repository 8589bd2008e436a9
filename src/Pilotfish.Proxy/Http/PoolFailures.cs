using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>What a request hears when its host gave no connection.</summary>
internal static class PoolFailures
{
    public static StreamResetReason ReasonOf(UpstreamConnectFailure failure) => failure switch
    {
        UpstreamConnectFailure.Overflow => StreamResetReason.Overflow,
        UpstreamConnectFailure.Timeout => StreamResetReason.ConnectionTimeout,
        UpstreamConnectFailure.Local => StreamResetReason.LocalConnectionFailure,
        _ => StreamResetReason.RemoteConnectionFailure,
    };
}
