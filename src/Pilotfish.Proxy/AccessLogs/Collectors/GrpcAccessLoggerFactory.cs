using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Google.Protobuf;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.access_loggers.http_grpc and envoy.access_loggers.tcp_grpc: records to an access log service over one stream per worker.</summary>
internal sealed class GrpcAccessLoggerFactory : IAccessLoggerFactory
{
    private const string HttpName = "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig";
    private const string TcpName = "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig";
    private const string StatPrefix = "access_logs.grpc_access_log";

    public IReadOnlyList<string> MessageNames { get; } = [HttpName, TcpName];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context)
    {
        string field = $"{config.Field}.common_config";
        if (config.MessageName == HttpName)
        {
            HttpGrpcAccessLogConfig http = config.Parse(HttpGrpcAccessLogConfig.Parser);
            return new CollectorLogger(
                Sink(http.CommonConfig, field, context, isHttp: true),
                new HttpLogEntryFormat(
                    Common(http.CommonConfig, field),
                    new LoggedHeaders(http.AdditionalRequestHeadersToLog),
                    new LoggedHeaders(http.AdditionalResponseHeadersToLog),
                    new LoggedHeaders(http.AdditionalResponseTrailersToLog)));
        }

        TcpGrpcAccessLogConfig tcp = config.Parse(TcpGrpcAccessLogConfig.Parser);
        return new CollectorLogger(
            Sink(tcp.CommonConfig, field, context, isHttp: false), new TcpLogEntryFormat(Common(tcp.CommonConfig, field)));
    }

    private static CommonLogFields Common(CommonGrpcAccessLogConfig config, string field) =>
        new(config.FilterStateObjectsToLog, LogTag.Compile(config.CustomTags, $"{field}.custom_tags"));

    private static CollectorSink Sink(CommonGrpcAccessLogConfig? config, string field, CompileContext context, bool isHttp)
    {
        CollectorOptions options = CollectorConfig.Compile(config, field, context);
        CollectorStats stats = new(context.Stats.Scope(StatPrefix));
        byte[] identifier = Identifier(context.Node, config!.LogName);
        return context.Collectors.Get(
            isHttp ? HttpName : TcpName,
            config.ToByteString(),
            (owner, worker) => new AccessLogStream(owner, worker, options, stats, identifier, isHttp));
    }

    // StreamAccessLogsMessage.identifier, complete with its tag.
    private static byte[] Identifier(LocalNode node, string logName)
    {
        WireWriter writer = new(new FormatOutput());
        int start = writer.Begin(1);
        writer.Bytes(1, node.Message.Span);
        writer.Text(2, logName);
        writer.End(start);
        return writer.Output.Written.ToArray();
    }
}
