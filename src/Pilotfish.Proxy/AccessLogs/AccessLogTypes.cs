namespace Pilotfish.Proxy.AccessLogs;

/// <summary>What follows from a record's type.</summary>
internal static class AccessLogTypes
{
    /// <summary>Whether more records of the same request, attempt or connection follow.</summary>
    public static bool IsIntermediate(AccessLogType type) => type is AccessLogType.TcpConnectionStart or AccessLogType.TcpUpstreamConnected
        or AccessLogType.TcpPeriodic or AccessLogType.DownstreamStart or AccessLogType.DownstreamPeriodic
        or AccessLogType.DownstreamTunnelSuccessfullyEstablished or AccessLogType.UpstreamPoolReady or AccessLogType.UpstreamPeriodic
        or AccessLogType.UdpTunnelUpstreamConnected or AccessLogType.UdpPeriodic;
}
