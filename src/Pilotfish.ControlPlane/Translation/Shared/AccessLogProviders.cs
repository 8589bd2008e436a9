using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Istio.Mesh.V1Alpha1;
using OpenTelemetry.Proto.Common.V1;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Label = OpenTelemetry.Proto.Common.V1.KeyValue;
using Provider = Istio.Mesh.V1Alpha1.MeshConfig.Types.ExtensionProvider;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Access loggers from the mesh's extension providers.</summary>
internal static class AccessLogProviders
{
    // The provider that is always there; the cluster that a sidecar's bootstrap has for ProxyConfig.envoyAccessLogService.
    private const string BuiltIn = "envoy";
    private const string ServiceCluster = "envoy_accesslog_service";
    private const string HttpLogName = "http_envoy_accesslog";
    private const string TcpLogName = "tcp_envoy_accesslog";
    private const string ListenerLogName = "listener_envoy_accesslog";
    private const string OpenTelemetryLogName = "otel_envoy_accesslog";

    private static readonly string[] s_peers = ["upstream_peer", "downstream_peer"];

    // With the names that proxies before Istio 1.24 use.
    private static readonly string[] s_allPeers =
    [
        .. s_peers, "wasm.upstream_peer", "wasm.upstream_peer_id", "wasm.downstream_peer", "wasm.downstream_peer_id",
    ];

    /// <summary>A new logger; null when there is no such provider, it logs nothing, or its service is not known.</summary>
    public static AccessLog? Build(PushContext push, string name)
    {
        var provider = Find(push.Mesh, name);
        return provider?.ProviderCase switch
        {
            Provider.ProviderOneofCase.EnvoyFileAccessLog => File(provider, push.Mesh),
            Provider.ProviderOneofCase.EnvoyHttpAls => Http(push, provider.EnvoyHttpAls),
            Provider.ProviderOneofCase.EnvoyTcpAls => Tcp(push, provider.EnvoyTcpAls),
            Provider.ProviderOneofCase.EnvoyOtelAls => OpenTelemetry(push, provider.EnvoyOtelAls),
            _ => null,
        };
    }

    /// <summary>The provider of a name, in whatever letters it is written.</summary>
    public static Provider? Find(MeshConfig mesh, string name) =>
        mesh.ExtensionProviders.FirstOrDefault(provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a provider is an access logger.</summary>
    public static bool Logs(Provider provider) => provider.ProviderCase is Provider.ProviderOneofCase.EnvoyFileAccessLog
        or Provider.ProviderOneofCase.EnvoyHttpAls or Provider.ProviderOneofCase.EnvoyTcpAls or Provider.ProviderOneofCase.EnvoyOtelAls;

    /// <summary>The logger that enableEnvoyAccessLogService of the mesh asks for, to the service that the sidecar's ProxyConfig names.</summary>
    public static AccessLog Service(bool isHttp, bool ofListener)
    {
        var common = new CommonGrpcAccessLogConfig
        {
            LogName = ofListener ? ListenerLogName : isHttp ? HttpLogName : TcpLogName,
            TransportApiVersion = ApiVersion.V3,
            GrpcService = new GrpcService { EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = ServiceCluster } },
            FilterStateObjectsToLog = { s_allPeers },
        };
        return isHttp
            ? Log(ExtensionNames.HttpGrpcAccessLog, new HttpGrpcAccessLogConfig { CommonConfig = common })
            : Log(ExtensionNames.TcpGrpcAccessLog, new TcpGrpcAccessLogConfig { CommonConfig = common });
    }

    // The built-in provider prints what the mesh's settings say, unless it says something itself.
    private static AccessLog File(Provider provider, MeshConfig mesh) =>
        provider is { Name: BuiltIn, EnvoyFileAccessLog: { LogFormat: null, OmitEmptyValues: false } builtIn }
            ? AccessLogFormats.FromMesh(builtIn.Path, mesh)
            : AccessLogFormats.FromProvider(provider.EnvoyFileAccessLog);

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
        if (Common(push, provider.Service, provider.Port, Or(provider.LogName, OpenTelemetryLogName), s_allPeers) is not { } common)
        {
            return null;
        }

        var text = Or(provider.LogFormat?.Text ?? "", AccessLogFormats.DefaultText);
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

        config.Formatters.Add(AccessLogFormats.Formatters(text, provider.LogFormat?.Labels));
        return Log(ExtensionNames.OpenTelemetryAccessLog, config);
    }

    private static CommonGrpcAccessLogConfig? Common(
        PushContext push, string service, uint port, string logName, IReadOnlyCollection<string> filterStates)
    {
        // A service may be given as namespace/hostname, and must be when several namespaces have one of that name.
        var slash = service.IndexOf('/', StringComparison.Ordinal);
        var (ns, hostname) = slash < 0 ? ("", service) : (service[..slash], service[(slash + 1)..]);
        var namespaces = push.Services.All
            .Where(known => known.Hostname == hostname && (ns.Length == 0 || known.Namespace == ns))
            .Select(static known => known.Namespace).Distinct().Count();
        if (namespaces != 1)
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
        config.FilterStateObjectsToLog.Add(filterStates.Count > 0 ? filterStates : s_peers);
        return config;
    }

    private static string Or(string given, string otherwise) => given.Length == 0 ? otherwise : given;

    private static AccessLog Log(string name, Google.Protobuf.IMessage config) =>
        new() { Name = name, TypedConfig = Messages.Pack(config) };
}
