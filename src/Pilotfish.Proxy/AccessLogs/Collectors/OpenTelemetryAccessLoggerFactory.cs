using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Google.Protobuf;
using OpenTelemetry.Proto.Common.V1;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;
using KeyValue = OpenTelemetry.Proto.Common.V1.KeyValue;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.access_loggers.open_telemetry: records to an OTLP collector over gRPC.</summary>
internal sealed class OpenTelemetryAccessLoggerFactory : IAccessLoggerFactory
{
    private const string Name = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig";
    private const string StatPrefix = "access_logs.open_telemetry_access_log";

    // The time that OTLP exporters give a collector by default: a call that is never answered must not hold a place for ever.
    private const long DefaultDeadlineMilliseconds = 10_000;

    public IReadOnlyList<string> MessageNames { get; } = [Name];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context)
    {
        OpenTelemetryAccessLogConfig message = config.Parse(OpenTelemetryAccessLogConfig.Parser);
        string field = config.Field;
        if (message.HttpService is not null)
        {
            throw new ConfigRejectedException($"{field}.http_service", "OTLP over HTTP is not supported; name a cluster with grpc_service");
        }

        RecordFormats.CheckFormatters(message.Formatters, $"{field}.formatters");
        OpenTelemetryRecordFormat format = new(
            message.Body is { ValueCase: not AnyValue.ValueOneofCase.None } body
                ? OpenTelemetryTemplate.CompileValue(body, $"{field}.body")
                : null,
            OpenTelemetryTemplate.CompileList(message.Attributes?.Values ?? [], $"{field}.attributes"),
            message.FilterStateObjectsToLog,
            LogTag.Compile(message.CustomTags, $"{field}.custom_tags"));
        return new CollectorLogger(Sink(message, field, context), format);
    }

    // Fields of the message itself win over those of common_config, which they replace.
    private static CollectorSink Sink(OpenTelemetryAccessLogConfig message, string field, CompileContext context)
    {
        CommonGrpcAccessLogConfig common = message.CommonConfig ?? new CommonGrpcAccessLogConfig();
        CollectorConfig.CheckVersion(common, $"{field}.common_config");
        bool isOwn = message.GrpcService is not null;
        GrpcService? service = isOwn ? message.GrpcService : common.GrpcService;
        CollectorOptions options = CollectorConfig.Compile(
            service, isOwn ? $"{field}.grpc_service" : $"{field}.common_config.grpc_service", context, DefaultDeadlineMilliseconds) with
        {
            FlushMilliseconds = CollectorConfig.FlushInterval(
                message.BufferFlushInterval ?? common.BufferFlushInterval, $"{field}.buffer_flush_interval"),
            BatchBytes = CollectorConfig.BatchBytes(message.BufferSizeBytes ?? common.BufferSizeBytes),
            RetryBaseMilliseconds = CollectorConfig.RetryBase(common.GrpcStreamRetryPolicy),
            RetryCapMilliseconds = CollectorConfig.RetryCap(common.GrpcStreamRetryPolicy),
        };
        string prefix = message.StatPrefix.TrimEnd('.');
        CollectorStats stats = new(context.Stats.Scope(prefix.Length == 0 ? StatPrefix : $"{StatPrefix}.{prefix}"));
        byte[] resource = Resource(message, context.Node);
        return context.Collectors.Get(
            Name, message.ToByteString(), (_, worker) => new LogExporter(worker, options, stats, resource));
    }

    // ResourceLogs.resource, complete with its tag. An attribute of the config replaces a built-in one of its name.
    private static byte[] Resource(OpenTelemetryAccessLogConfig message, LocalNode node)
    {
        OpenTelemetry.Proto.Resource.V1.Resource resource = new();
        if (!message.DisableBuiltinLabels)
        {
            Set(resource, "log_name", message.LogName.Length > 0 ? message.LogName : message.CommonConfig?.LogName ?? "");
            Set(resource, "zone_name", node.Zone);
            Set(resource, "cluster_name", node.Cluster);
            Set(resource, "node_name", node.Id);
        }

        foreach (KeyValue attribute in message.ResourceAttributes?.Values ?? [])
        {
            Set(resource, attribute);
        }

        WireWriter writer = new(new FormatOutput());
        writer.Bytes(1, resource.ToByteArray());
        return writer.Output.Written.ToArray();
    }

    private static void Set(OpenTelemetry.Proto.Resource.V1.Resource resource, string key, string value) =>
        Set(resource, new KeyValue { Key = key, Value = new AnyValue { StringValue = value } });

    private static void Set(OpenTelemetry.Proto.Resource.V1.Resource resource, KeyValue attribute)
    {
        for (int i = 0; i < resource.Attributes.Count; i++)
        {
            if (resource.Attributes[i].Key == attribute.Key)
            {
                resource.Attributes[i] = attribute;
                return;
            }
        }

        resource.Attributes.Add(attribute);
    }
}
