namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Why a record is written; the values and names are those of envoy.data.accesslog.v3.AccessLogType.</summary>
public enum AccessLogType : byte
{
    NotSet = 0,
    TcpUpstreamConnected = 1,
    TcpPeriodic = 2,
    TcpConnectionEnd = 3,
    DownstreamStart = 4,
    DownstreamPeriodic = 5,
    DownstreamEnd = 6,
    UpstreamPoolReady = 7,
    UpstreamPeriodic = 8,
    UpstreamEnd = 9,
    DownstreamTunnelSuccessfullyEstablished = 10,
    UdpTunnelUpstreamConnected = 11,
    UdpPeriodic = 12,
    UdpSessionEnd = 13,
    TcpConnectionStart = 14,
}
