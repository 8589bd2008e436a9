using Envoy.Config.Accesslog.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Xds;
using Provider = Istio.Mesh.V1Alpha1.MeshConfig.Types.ExtensionProvider;

namespace Pilotfish.ControlPlane.Tests.Translation;

/// <summary>Which access loggers a sidecar gets from Telemetry objects, default providers and the mesh's file.</summary>
public sealed class TelemetryTests
{
    // Scope:what it says, as in "root: accessLogging..."; the sidecar is ratings-1 in default, labelled app=ratings.
    [Theory]
    [InlineData("nothing", "", "", "", "-", "-")]
    [InlineData("the mesh", "[{providers: [{name: envoy}]}]", "", "", "envoy", "envoy")]
    [InlineData("the mesh, by default provider", "[{disabled: false}]", "", "", "-", "-")]
    [InlineData("the namespace only", "", "[{providers: [{name: envoy}]}]", "", "envoy", "envoy")]
    [InlineData("the workload only", "", "", "[{providers: [{name: envoy}]}]", "envoy", "envoy")]
    [InlineData("off in the namespace", "[{providers: [{name: envoy}]}]", "[{disabled: true}]", "", "-", "-")]
    [InlineData("off in the namespace, on for the workload", "[{providers: [{name: envoy}]}]", "[{disabled: true}]", "[{disabled: false}]", "envoy", "envoy")]
    [InlineData("another provider for the workload", "[{providers: [{name: envoy}]}]", "", "[{providers: [{name: json}]}]", "json", "json")]
    [InlineData("only outbound", "[{match: {mode: CLIENT}, providers: [{name: envoy}]}]", "", "", "envoy", "-")]
    [InlineData("only inbound", "[{match: {mode: SERVER}, providers: [{name: envoy}]}]", "", "", "-", "envoy")]
    [InlineData("inbound off for the workload", "[{providers: [{name: envoy}]}]", "", "[{match: {mode: SERVER}, disabled: true}]", "envoy", "-")]
    [InlineData("two rules of one object", "[{providers: [{name: json}]}, {providers: [{name: envoy}]}]", "", "", "envoy,json", "envoy,json")]
    [InlineData("a filter", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]", "", "", "envoy(response.code >= 400)", "envoy(response.code >= 400)")]
    [InlineData("a filter replaced", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 500'}}]", "", "envoy(response.code >= 500)", "envoy(response.code >= 500)")]
    [InlineData("a filter of a rule that names nobody", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]", "[{filter: {expression: 'response.code >= 500'}}]", "", "envoy(response.code >= 400)", "envoy(response.code >= 400)")]
    [InlineData("a filter kept over off and on", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]", "[{disabled: true}]", "[{disabled: false}]", "envoy(response.code >= 400)", "envoy(response.code >= 400)")]
    [InlineData("a filter of the other side", "[{providers: [{name: envoy}], filter: {expression: connection.mtls}, match: {mode: SERVER}}, {providers: [{name: envoy}], match: {mode: CLIENT}}]", "", "", "envoy", "envoy(connection.mtls)")]
    [InlineData("a provider for one side of the workload", "[{providers: [{name: envoy}]}]", "", "[{providers: [{name: json}], match: {mode: CLIENT}}]", "json", "envoy")]
    [InlineData("a provider in other letters", "[{providers: [{name: Envoy}]}]", "", "", "envoy", "envoy")]
    [InlineData("a filter dropped", "[{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]", "[{providers: [{name: envoy}]}]", "", "envoy", "envoy")]
    [InlineData("an unknown provider", "[{providers: [{name: nobody}]}]", "", "", "-", "-")]
    [InlineData("client of the mesh, servers off in the namespace", "[{match: {mode: CLIENT}, providers: [{name: envoy}]}]", "[{match: {mode: SERVER}, providers: [{name: envoy}], disabled: true}]", "", "envoy", "-")]
    [InlineData("client of the mesh, clients off in the namespace", "[{match: {mode: CLIENT}, providers: [{name: envoy}]}]", "[{match: {mode: CLIENT}, providers: [{name: envoy}], disabled: true}]", "", "-", "-")]
    [InlineData("and on for the workload", "[{match: {mode: CLIENT}, providers: [{name: envoy}]}]", "[{match: {mode: CLIENT}, providers: [{name: envoy}], disabled: true}]", "[{match: {mode: CLIENT}, providers: [{name: envoy}]}]", "envoy", "-")]
    [InlineData("client and server", "[{match: {mode: CLIENT_AND_SERVER}, providers: [{name: envoy}]}]", "", "", "envoy", "envoy")]
    [InlineData("an empty rule inherits", "[{providers: [{name: envoy}]}]", "[{}]", "", "envoy", "envoy")]
    [InlineData("a provider that is no access logger", "[{providers: [{name: envoy}]}]", "[{providers: [{name: stackdriver}]}]", "", "-", "-")]
    [InlineData("one side, then both", "[{match: {mode: SERVER}, providers: [{name: envoy}]}, {match: {mode: CLIENT_AND_SERVER}, providers: [{name: envoy}]}]", "", "", "envoy", "envoy")]
    [InlineData("one side, then both off", "[{match: {mode: SERVER}, providers: [{name: envoy}]}, {match: {mode: CLIENT_AND_SERVER}, providers: [{name: envoy}], disabled: true}]", "", "", "-", "-")]
    [InlineData("two rules, the second off", "[{providers: [{name: envoy}]}]", "[{providers: [{name: envoy}]}, {providers: [{name: json}], disabled: true}]", "", "envoy", "envoy")]
    [InlineData("two providers of one rule", "[{providers: [{name: envoy}]}]", "[{providers: [{name: envoy}, {name: json}]}, {providers: [{name: envoy}]}]", "", "envoy,json", "envoy,json")]
    [InlineData("a provider for each side", "[{match: {mode: SERVER}, providers: [{name: envoy}]}, {match: {mode: CLIENT}, providers: [{name: json}]}]", "", "", "json", "envoy")]
    public void Telemetry_Scopes_Merge(string label, string root, string ns, string workload, string outbound, string inbound)
    {
        Mesh mesh = new(
            Manifests.Bookinfo + Object("istio-system", root) + Object("default", ns) + Object("default", workload, "ratings"), Configure);

        Assert.NotEmpty(label);
        Assert.Equal((outbound, inbound), (Describe(Outbound(mesh)), Describe(Inbound(mesh))));
    }

    [Fact]
    public void Telemetry_OfOtherWorkloadsNamespacesAndGateways_DoesNotApply()
    {
        const string On = "[{providers: [{name: envoy}]}]";
        const string Targeted =
            "\n---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: gate, namespace: default}\n"
            + "spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}], accessLogging: " + On + "}\n";
        Mesh mesh = new(
            Manifests.Bookinfo + Object("other", On) + Object("default", On, "productpage") + Object("istio-system", On, "ratings") + Targeted,
            Configure);

        Assert.Equal("-", Describe(Outbound(mesh)));
    }

    // What Telemetry says of a provider that exists replaces the file; where it reaches none, the file stays.
    [Theory]
    [InlineData("nothing", "", "envoy", "envoy")]
    [InlineData("a provider turned off", "[{providers: [{name: envoy}], disabled: true}]", "-", "-")]
    [InlineData("off, but no provider is named", "[{disabled: true}]", "envoy", "envoy")]
    [InlineData("no logs, only metrics", "[], metrics: [{providers: [{name: prometheus}]}]", "envoy", "envoy")]
    [InlineData("an unknown provider", "[{providers: [{name: nobody}]}]", "envoy", "envoy")]
    [InlineData("an unknown provider and one turned off", "[{providers: [{name: nobody}]}, {providers: [{name: json}], disabled: true}]", "-", "-")]
    [InlineData("one side only", "[{providers: [{name: json}], match: {mode: CLIENT}}]", "json", "envoy")]
    public void Telemetry_ReachesAProvider_ReplacesTheMeshFile(string label, string rules, string outbound, string inbound)
    {
        Mesh mesh = new(Manifests.Bookinfo + Object("istio-system", rules), static mesh =>
        {
            Configure(mesh);
            mesh.AccessLogFile = "/dev/stdout";
        });

        Assert.NotEmpty(label);
        Assert.Equal((outbound, inbound), (Describe(Outbound(mesh)), Describe(Inbound(mesh))));
    }

    [Fact]
    public void Telemetry_SeveralSelectTheWorkload_AllApplyOldestFirst()
    {
        string older = Object("default", "[{providers: [{name: envoy}]}]", "ratings");
        string younger = Object("default", "[{providers: [{name: envoy}], disabled: true}]", "ratings")
            .Replace("name: t-", "name: u-", StringComparison.Ordinal);

        Assert.Equal("envoy", Describe(Outbound(new Mesh(Manifests.Bookinfo + older, Configure))));
        Assert.Equal("-", Describe(Outbound(new Mesh(Manifests.Bookinfo + younger + older, Configure))));
    }

    [Fact]
    public void Telemetry_OfTheOlderVersion_IsTheSame()
    {
        string older = Object("default", "[{providers: [{name: json}]}]").Replace("telemetry.istio.io/v1\n", "telemetry.istio.io/v1alpha1\n", StringComparison.Ordinal);

        Assert.Contains("v1alpha1", older, StringComparison.Ordinal);
        Assert.Equal("json", Describe(Outbound(new Mesh(Manifests.Bookinfo + older, Configure))));
    }

    // None of them speaks of a sidecar, whatever it is that they name.
    [Theory]
    [InlineData("gateway.networking.k8s.io", "Gateway", "ratings")]
    [InlineData("gateway.networking.k8s.io", "GatewayClass", "istio-waypoint")]
    [InlineData("", "Service", "ratings")]
    [InlineData("networking.istio.io", "ServiceEntry", "ratings")]
    public void Telemetry_WithTargets_IsNotASidecars(string group, string kind, string name)
    {
        foreach (string ns in (string[])["default", "istio-system"])
        {
            string target = $"{{group: '{group}', kind: {kind}, name: {name}}}";
            foreach (string field in (string[])[$"targetRefs: [{target}]", $"targetRef: {target}"])
            {
                string manifest = Object(ns, "[{providers: [{name: envoy}]}]").Replace("spec: {", $"spec: {{{field}, ", StringComparison.Ordinal);
                Assert.Equal("-", Describe(Outbound(new Mesh(Manifests.Bookinfo + manifest, Configure))));
            }
        }
    }

    [Fact]
    public void Telemetry_OldestOfAScope_Wins()
    {
        string younger = Object("default", "[{providers: [{name: json}]}]").Replace("name: t-", "name: u-", StringComparison.Ordinal);

        Assert.Equal("envoy", Describe(Outbound(new Mesh(
            Manifests.Bookinfo + younger + Object("default", "[{providers: [{name: envoy}]}]"), Configure))));
    }

    [Fact]
    public void DefaultProviders_LogWithoutTelemetry_AndAreWhatARuleWithoutProvidersMeans()
    {
        static void Both(MeshConfig mesh)
        {
            Configure(mesh);
            mesh.AccessLogFile = "/ignored";
            mesh.DefaultProviders.AccessLogging.Add(["json", "envoy"]);
        }

        Assert.Equal("envoy,json", Describe(Outbound(new Mesh(Manifests.Bookinfo, Both))));
        string filter = Object("default", "[{filter: {expression: connection.mtls}}]");
        Assert.Equal("envoy,json", Describe(Outbound(new Mesh(Manifests.Bookinfo + filter, Both))));
        string off = Object("default", "[{disabled: true}]");
        Assert.Equal("-", Describe(Outbound(new Mesh(Manifests.Bookinfo + off, Both))));
    }

    [Fact]
    public void Listener_LogsConnectionsWithoutChain_UnderTheConditionToo()
    {
        string rule = Object("default", "[{providers: [{name: envoy}], filter: {expression: connection.mtls}}]");
        AccessLog log = Assert.Single(Listener(new Mesh(Manifests.Bookinfo + rule), "virtualInbound").AccessLog);
        Assert.Equal(["NR"], log.Filter.AndFilter.Filters[0].ResponseFlagFilter.Flags);
        Assert.Equal("connection.mtls", log.Filter.AndFilter.Filters[1].ExtensionFilter.TypedConfig.Unpack<ExpressionFilter>().Expression);
        Assert.Empty(Listener(new Mesh(Manifests.Bookinfo + rule, static mesh => mesh.DisableEnvoyListenerLog = true), "virtualInbound").AccessLog);
    }

    [Fact]
    public void TcpListener_IsLoggedToo()
    {
        string rule = Object("default", "[{providers: [{name: json}]}]");
        TcpProxy tcp = Listener(new Mesh(Manifests.Bookinfo + rule, Configure), "virtualOutbound")
            .FilterChains[^1].Filters[^1].TypedConfig.Unpack<TcpProxy>();

        Assert.Equal("json", Describe(tcp.AccessLog));
    }

    [Fact]
    public void FileProvider_TextGetsALineEnd_AndLabelsBecomeJson()
    {
        Mesh mesh = new(Manifests.Bookinfo + Object("default", "[{providers: [{name: text}]}, {providers: [{name: json}]}]"), Configure);

        FileAccessLog[] logs = [.. Outbound(mesh).Select(static log => log.TypedConfig.Unpack<FileAccessLog>())];

        Assert.Equal("%RESPONSE_CODE%", logs[0].LogFormat.JsonFormat.Fields["code"].StringValue);
        Assert.True(logs[0].LogFormat.OmitEmptyValues);
        Assert.Equal(("/var/log/a", "%RESPONSE_CODE%\n"), (logs[1].Path, logs[1].LogFormat.TextFormatSource.InlineString));
    }

    [Fact]
    public void RemoteProviders_NameTheClusterOfTheirService()
    {
        Mesh mesh = new(
            Manifests.Bookinfo + Object("default", "[{providers: [{name: als}]}, {providers: [{name: otel}]}, {providers: [{name: tcpals}]}, {providers: [{name: lost}]}]"),
            Configure);

        AccessLog[] logs = [.. Outbound(mesh)];

        Assert.Equal(
            ["envoy.access_loggers.http_grpc", "envoy.access_loggers.open_telemetry", "envoy.tcp_grpc_access_log"],
            logs.Select(static log => log.Name));
        CommonGrpcAccessLogConfig common = logs[0].TypedConfig.Unpack<HttpGrpcAccessLogConfig>().CommonConfig;
        Assert.Equal("outbound|9080||ratings.default.svc.cluster.local", common.GrpcService.EnvoyGrpc.ClusterName);
        Assert.Equal("http_envoy_accesslog", common.LogName);
        Assert.Equal(["upstream_peer", "downstream_peer"], common.FilterStateObjectsToLog);
        OpenTelemetryAccessLogConfig otel = logs[1].TypedConfig.Unpack<OpenTelemetryAccessLogConfig>();
        Assert.Equal(("otel_envoy_accesslog", "%PROTOCOL%\n"), (otel.CommonConfig.LogName, otel.Body.StringValue));
        Assert.Equal(6, otel.CommonConfig.FilterStateObjectsToLog.Count);
        Assert.True(otel.DisableBuiltinLabels);
        Assert.Equal("%REQ(:PATH)%", Assert.Single(otel.Attributes.Values).Value.StringValue);
    }

    [Fact]
    public void RemoteProvider_WhoseServiceIsInSeveralNamespaces_NeedsItsNamespace()
    {
        const string Twice = "\n---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: other}\n"
            + "spec: {hosts: [ratings.default.svc.cluster.local], ports: [{number: 9080, name: grpc, protocol: GRPC}], resolution: NONE}\n";
        Mesh mesh = new(Manifests.Bookinfo + Twice + Object("default", "[{providers: [{name: als}]}, {providers: [{name: tcpals}]}]"), Configure);

        Assert.Equal(["envoy.tcp_grpc_access_log"], Outbound(mesh).Select(static log => log.Name));
    }

    [Theory]
    [InlineData("TEXT", "%REQ_WITHOUT_QUERY(:PATH)%", "%REQ_WITHOUT_QUERY(:PATH)%\n", "envoy.formatter.req_without_query")]
    [InlineData("JSON", """{"p": "%REQ_WITHOUT_QUERY(:PATH)%"}""", """{ "p": "%REQ_WITHOUT_QUERY(:PATH)%" }""", "envoy.formatter.req_without_query")]
    [InlineData("TEXT", "%PROTOCOL%", "%PROTOCOL%\n", "")]
    public void BuiltInProvider_PrintsWhatTheMeshsSettingsSay(string encoding, string format, string expected, string formatter)
    {
        Mesh mesh = new(Manifests.Bookinfo + Object("default", "[{providers: [{name: envoy}]}]"), config =>
        {
            config.AccessLogEncoding = System.Enum.Parse<MeshConfig.Types.AccessLogEncoding>(encoding, ignoreCase: true);
            config.AccessLogFormat = format;
        });

        FileAccessLog log = Assert.Single(Outbound(mesh)).TypedConfig.Unpack<FileAccessLog>();

        Assert.Equal("/dev/stdout", log.Path);
        Assert.Equal(expected, log.LogFormat.JsonFormat?.ToString() ?? log.LogFormat.TextFormatSource.InlineString);
        Assert.Equal(formatter, string.Join(',', log.LogFormat.Formatters.Select(static formatter => formatter.Name)));
    }

    [Fact]
    public void AccessLogService_OfTheMesh_GetsRequestsConnectionsAndUnmatchedConnections()
    {
        Mesh mesh = new(Manifests.Bookinfo, static config => config.EnableEnvoyAccessLogService = true);

        CommonGrpcAccessLogConfig http = Assert.Single(Outbound(mesh)).TypedConfig.Unpack<HttpGrpcAccessLogConfig>().CommonConfig;
        Listener outbound = Listener(mesh, "virtualOutbound");
        AccessLog tcp = Assert.Single(outbound.FilterChains[^1].Filters[^1].TypedConfig.Unpack<TcpProxy>().AccessLog);
        AccessLog unmatched = Assert.Single(outbound.AccessLog);

        Assert.Equal(("http_envoy_accesslog", "envoy_accesslog_service"), (http.LogName, http.GrpcService.EnvoyGrpc.ClusterName));
        Assert.Equal(6, http.FilterStateObjectsToLog.Count);
        Assert.Equal("tcp_envoy_accesslog", tcp.TypedConfig.Unpack<TcpGrpcAccessLogConfig>().CommonConfig.LogName);
        Assert.Equal("listener_envoy_accesslog", unmatched.TypedConfig.Unpack<TcpGrpcAccessLogConfig>().CommonConfig.LogName);
        Assert.Equal(["NR"], unmatched.Filter.ResponseFlagFilter.Flags);
    }

    [Fact]
    public void AccessLogService_JoinsTheFile_AndATelemetryReplacesBoth()
    {
        static void Both(MeshConfig config)
        {
            config.EnableEnvoyAccessLogService = true;
            config.AccessLogFile = "/dev/stdout";
        }

        Mesh mesh = new(Manifests.Bookinfo, Both);
        Mesh replaced = new(Manifests.Bookinfo + Object("default", "[{providers: [{name: envoy}]}]"), Both);
        Mesh quiet = new(Manifests.Bookinfo, static config =>
        {
            Both(config);
            config.DisableEnvoyListenerLog = true;
        });

        Assert.Equal(["envoy.access_loggers.file", "envoy.access_loggers.http_grpc"], Outbound(mesh).Select(static log => log.Name));
        Assert.Equal(["envoy.access_loggers.file"], Outbound(replaced).Select(static log => log.Name));
        Assert.Equal(2, Listener(mesh, "virtualOutbound").AccessLog.Count);
        Assert.Empty(Listener(quiet, "virtualOutbound").AccessLog);
    }

    [Theory]
    [InlineData("default", true)]
    [InlineData("istio-system", true)]
    [InlineData("other", false)]
    public void PushPlan_TelemetryChange_PushesListenersOfItsScopeOnly(string ns, bool pushes)
    {
        Mesh mesh = new(Manifests.Bookinfo);
        PushPlan plan = PushPlan.For(
            [new ConfigKey(ConfigKind.Telemetry, ns, "t")], mesh.Proxy.Node, false, "istio-system", mesh.Push.Snapshot, mesh.Push.Snapshot);

        Assert.Equal(pushes ? 1 : 0, plan.Types.Count);
    }

    [Fact]
    public void PushContext_Next_TakesUpAChangedTelemetry()
    {
        Mesh before = new(Manifests.Bookinfo);
        Mesh after = new(Manifests.Bookinfo + Object("default", "[{providers: [{name: envoy}]}]"));
        var next = before.Push.Next(before.Push.Mesh, after.Push.Snapshot, [new ConfigKey(ConfigKind.Telemetry, "default", "t-")]);

        Assert.Single(next.Telemetries.For("default", "istio-system", before.Proxy.Labels));
    }

    private static void Configure(MeshConfig mesh)
    {
        mesh.ExtensionProviders.Add(new Provider
        {
            Name = "json",
            EnvoyFileAccessLog = new()
            {
                OmitEmptyValues = true,
                LogFormat = new() { Labels = Struct.Parser.ParseJson("""{"code": "%RESPONSE_CODE%"}""") },
            },
        });
        mesh.ExtensionProviders.Add(new Provider
        {
            Name = "text",
            EnvoyFileAccessLog = new() { Path = "/var/log/a", LogFormat = new() { Text = "%RESPONSE_CODE%" } },
        });
        const string Service = "ratings.default.svc.cluster.local";
        mesh.ExtensionProviders.Add(new Provider { Name = "als", EnvoyHttpAls = new() { Service = Service, Port = 9080 } });
        mesh.ExtensionProviders.Add(new Provider { Name = "tcpals", EnvoyTcpAls = new() { Service = "default/" + Service, Port = 9080 } });
        mesh.ExtensionProviders.Add(new Provider { Name = "lost", EnvoyHttpAls = new() { Service = "nowhere.example", Port = 1 } });
        mesh.ExtensionProviders.Add(new Provider
        {
            Name = "otel",
            EnvoyOtelAls = new()
            {
                Service = Service,
                Port = 9080,
                LogFormat = new() { Text = "%PROTOCOL%\n", Labels = Struct.Parser.ParseJson("""{"path": "%REQ(:PATH)%"}""") },
            },
        });
    }

    private static string Object(string ns, string accessLogging, string app = "")
    {
        string selector = app.Length == 0 ? "" : $"selector: {{matchLabels: {{app: {app}}}}}, ";
        return accessLogging.Length == 0
            ? ""
            : $"\n---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t-{app}, namespace: {ns}}}\n"
                + $"spec: {{{selector}accessLogging: {accessLogging}}}\n";
    }

    // Names as the providers of Configure are told apart: by what they write.
    private static string Describe(IEnumerable<AccessLog> logs)
    {
        List<string> names = [];
        foreach (AccessLog log in logs)
        {
            bool json = log.TypedConfig.Unpack<FileAccessLog>().LogFormat.JsonFormat is not null;
            string expression = log.Filter?.ExtensionFilter?.TypedConfig.Unpack<ExpressionFilter>().Expression ?? "";
            names.Add((json ? "json" : "envoy") + (expression.Length > 0 ? $"({expression})" : ""));
        }

        return names.Count == 0 ? "-" : string.Join(',', names);
    }

    private static IEnumerable<AccessLog> Outbound(Mesh mesh) =>
        Listener(mesh, "0.0.0.0_9080").FilterChains[0].Filters[^1].TypedConfig.Unpack<HttpConnectionManager>().AccessLog;

    private static IEnumerable<AccessLog> Inbound(Mesh mesh) =>
        Listener(mesh, "virtualInbound").FilterChains.SelectMany(static chain => chain.Filters)
            .First(static filter => filter.TypedConfig.Is(HttpConnectionManager.Descriptor)).TypedConfig.Unpack<HttpConnectionManager>().AccessLog;

    private static Listener Listener(Mesh mesh, string name) =>
        ListenerGenerator.Generate(mesh.Push, mesh.Proxy).Single(listener => listener.Name == name);
}
