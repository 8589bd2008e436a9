using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using OpenTelemetry.Proto.Common.V1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Label = OpenTelemetry.Proto.Common.V1.KeyValue;
using Provider = Istio.Mesh.V1Alpha1.MeshConfig.Types.ExtensionProvider;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Access loggers from the mesh's extension providers.</summary>
internal static class AccessLogProviders
{
    private const string DefaultPath = "/dev/stdout";
    private const string HttpLogName = "http_envoy_accesslog";
    private const string TcpLogName = "tcp_envoy_accesslog";
    private const string OpenTelemetryLogName = "otel_envoy_accesslog";

    private static readonly string[] s_filterStates = ["upstream_peer", "downstream_peer"];

    /// <summary>A new logger; null when there is no such provider, it logs nothing, or its service is not known.</summary>
    public static AccessLog? Build(PushContext push, ProxyView proxy, string name)
    {
        var provider = push.Mesh.ExtensionProviders.FirstOrDefault(
            provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return provider?.ProviderCase switch
        {
            Provider.ProviderOneofCase.EnvoyFileAccessLog => File(provider.EnvoyFileAccessLog),
            Provider.ProviderOneofCase.EnvoyHttpAls => Http(push, provider.EnvoyHttpAls),
            Provider.ProviderOneofCase.EnvoyTcpAls => Tcp(push, provider.EnvoyTcpAls),
            Provider.ProviderOneofCase.EnvoyOtelAls => OpenTelemetry(push, provider.EnvoyOtelAls),
            _ => null,
        };
    }

    private static AccessLog File(Provider.Types.EnvoyFileAccessLogProvider provider)
    {
        var format = new SubstitutionFormatString { OmitEmptyValues = provider.OmitEmptyValues };
        if (provider.LogFormat?.Labels is { } labels)
        {
            format.JsonFormat = AccessLogs.JsonLabels(labels);
            format.JsonFormatOptions = new JsonFormatOptions();
        }
        else
        {
            format.TextFormatSource = new DataSource { InlineString = AccessLogs.TextFormat(provider.LogFormat?.Text ?? "") };
        }

        var path = provider.Path.Length == 0 ? DefaultPath : provider.Path;
        return Log(ExtensionNames.FileAccessLog, new FileAccessLog { Path = path, LogFormat = format });
    }

    private static AccessLog? Http(PushContext push, Provider.Types.EnvoyHttpGrpcV3LogProvider provider)
    {
        if (Common(push, provider.Service, provider.Port, Or(provider.LogName, HttpLogName), provider.FilterStateObjectsToLog) is not { } common)
        {
            return null;
        }

        var config = new HttpGrpcAccessLogConfig { CommonConfig = common };
        config.AdditionalRequestHeadersToLog.Add(provider.AdditionalRequestHeadersToLog);
        config.AdditionalResponseHeadersToLog.Add(provider.AdditionalResponseHeadersToLog);
        config.AdditionalResponseTrailersToLog.Add(provider.AdditionalResponseTrailersToLog);
        return Log(ExtensionNames.HttpGrpcAccessLog, config);
    }

    private static AccessLog? Tcp(PushContext push, Provider.Types.EnvoyTcpGrpcV3LogProvider provider) =>
        Common(push, provider.Service, provider.Port, Or(provider.LogName, TcpLogName), provider.FilterStateObjectsToLog) is { } common
            ? Log(ExtensionNames.TcpGrpcAccessLog, new TcpGrpcAccessLogConfig { CommonConfig = common })
            : null;

    private static AccessLog? OpenTelemetry(PushContext push, Provider.Types.EnvoyOpenTelemetryLogProvider provider)
    {
        if (Common(push, provider.Service, provider.Port, Or(provider.LogName, OpenTelemetryLogName), s_filterStates) is not { } common)
        {
            return null;
        }

        // A record is no line: the line's end is not part of its body.
        var text = AccessLogs.TextFormat(provider.LogFormat?.Text ?? "").TrimEnd('\n');
        var config = new OpenTelemetryAccessLogConfig
        {
            CommonConfig = common,
            DisableBuiltinLabels = true,
            Body = new AnyValue { StringValue = text },
        };
        if (provider.LogFormat?.Labels is { Fields.Count: > 0 } labels)
        {
            config.Attributes = new KeyValueList();
            foreach (var (key, value) in labels.Fields.OrderBy(static field => field.Key, StringComparer.Ordinal))
            {
                config.Attributes.Values.Add(new Label { Key = key, Value = new AnyValue { StringValue = value.StringValue } });
            }
        }

        return Log(ExtensionNames.OpenTelemetryAccessLog, config);
    }

    private static CommonGrpcAccessLogConfig? Common(
        PushContext push, string service, uint port, string logName, IReadOnlyCollection<string> filterStates)
    {
        // A service may be given as namespace/hostname.
        var slash = service.IndexOf('/', StringComparison.Ordinal);
        var (ns, hostname) = slash < 0 ? ("", service) : (service[..slash], service[(slash + 1)..]);
        if (!push.Services.All.Any(known => known.Hostname == hostname && (ns.Length == 0 || known.Namespace == ns)))
        {
            return null;
        }

        var config = new CommonGrpcAccessLogConfig
        {
            LogName = logName,
            TransportApiVersion = ApiVersion.V3,
            GrpcService = new GrpcService
            {
                EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = $"outbound|{port}||{hostname}", Authority = hostname },
            },
        };
        config.FilterStateObjectsToLog.Add(filterStates.Count > 0 ? filterStates : s_filterStates);
        return config;
    }

    private static string Or(string given, string otherwise) => given.Length == 0 ? otherwise : given;

    private static AccessLog Log(string name, Google.Protobuf.IMessage config) =>
        new() { Name = name, TypedConfig = Messages.Pack(config) };
}
