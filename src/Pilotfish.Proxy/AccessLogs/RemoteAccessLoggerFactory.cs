using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Loggers that send records to a collector over gRPC. Their config is accepted; nothing is sent yet.</summary>
internal sealed class RemoteAccessLoggerFactory : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } =
    [
        "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig",
        "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    ];

    public string? NotActiveNote => "records are not sent to the collector yet";

    public AccessLogger? Create(in ExtensionConfig config, AccessLogFiles files) => null;
}
