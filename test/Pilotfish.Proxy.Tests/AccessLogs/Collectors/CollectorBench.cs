using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using OpenTelemetry.Proto.Common.V1;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.AsyncClient;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>A logger to cluster "backend", whose only host is a scripted collector.</summary>
internal sealed class CollectorBench(EventLoop loop) : IDisposable
{
    // As configuration does: a collector lives as long as a logger of it.
    private readonly List<AccessLogger> _loggers = [];

    public AsyncBench Async { get; } = new(loop);

    public Worker Worker => Async.Worker;

    public CollectorDirectory Collectors => Async.Bench.Context.Collectors;

    public static CommonGrpcAccessLogConfig Common(int bufferBytes = 16384) => new()
    {
        LogName = "log", GrpcService = Service(), BufferSizeBytes = (uint)bufferBytes,
    };

    public AccessLogger Http(CommonGrpcAccessLogConfig? config = null) =>
        Create(new GrpcAccessLoggerFactory(), new HttpGrpcAccessLogConfig { CommonConfig = config ?? Common() });

    public AccessLogger Tcp(CommonGrpcAccessLogConfig? config = null) =>
        Create(new GrpcAccessLoggerFactory(), new TcpGrpcAccessLogConfig { CommonConfig = config ?? Common() });

    public AccessLogger OpenTelemetry(Action<OpenTelemetryAccessLogConfig>? change = null)
    {
        var config = new OpenTelemetryAccessLogConfig
        {
            LogName = "log", GrpcService = Service(), Body = new AnyValue { StringValue = "%ROUTE_NAME%" },
        };
        change?.Invoke(config);
        return Create(new OpenTelemetryAccessLoggerFactory(), config);
    }

    public AccessLogger Create(IAccessLoggerFactory factory, IMessage config)
    {
        AccessLogger logger = factory.Create(
            Proxy.Config.ExtensionRegistry.Unwrap(Any.Pack(config), "typed_config"), Async.Bench.Context);
        _loggers.Add(logger);
        return logger;
    }

    /// <summary>Configuration drops every logger, and the collector of garbage takes notice.</summary>
    public void DropLoggers()
    {
        _loggers.Clear();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    /// <summary>Logs one stream whose route has that name.</summary>
    public void Log(AccessLogger logger, string route = "r")
    {
        StreamInfo info = StreamSample.Create();
        info.RouteName = route;
        Write(logger, info);
    }

    public void Write(AccessLogger logger, StreamInfo info)
    {
        var source = new FormatSource(info, Proxy.AccessLogs.AccessLogType.DownstreamEnd);
        logger.Write(Worker, in source);
    }

    /// <summary>Accepts the collector's connection.</summary>
    public async Task<CollectorPeer> AcceptAsync(params (SettingId Id, uint Value)[] settings) =>
        new(await Async.AcceptAsync(settings));

    /// <summary>As at the end of the process, for all collectors at once.</summary>
    public void Close(Action onClosed) => Collectors.BeginClose(onClosed);

    public long Written(string sink = "grpc_access_log") => Async.Bench.Counter($"access_logs.{sink}.logs_written");

    public long Dropped(string sink = "grpc_access_log") => Async.Bench.Counter($"access_logs.{sink}.logs_dropped");

    public void Dispose() => Async.Dispose();

    private static GrpcService Service() => new() { EnvoyGrpc = new() { ClusterName = "backend", Authority = "logs" } };
}
