namespace Pilotfish.Proxy.Clusters;

/// <summary>A connection, or why there is none; <see cref="TransportFailure"/> is one clause for logs.</summary>
public readonly record struct UpstreamConnectResult(
    UpstreamConnection? Connection, UpstreamConnectFailure Failure, string? TransportFailure)
{
    public static UpstreamConnectResult Failed(UpstreamConnectFailure failure, string? transportFailure) =>
        new(null, failure, transportFailure);
}
