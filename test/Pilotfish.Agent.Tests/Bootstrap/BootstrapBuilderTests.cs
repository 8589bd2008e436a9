using Istio.Mesh.V1Alpha1;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Messages;
using Pilotfish.Testing;
using BootstrapMessage = Envoy.Config.Bootstrap.V3.Bootstrap;

namespace Pilotfish.Agent.Tests.Bootstrap;

/// <summary>Whole bootstraps, recorded from Istio's agent, against ours for the same inputs.</summary>
public sealed class BootstrapBuilderTests
{
    private const string Plain =
        """
        binaryPath: /usr/local/bin/envoy
        serviceCluster: istio-proxy
        drainDuration: 2s
        discoveryAddress: istio-pilot:15010
        proxyAdminPort: 15000
        """;

    private const string Full =
        """
        binaryPath: /usr/local/bin/envoy
        serviceCluster: istio-proxy
        drainDuration: 5s
        statsdUdpAddress: 10.1.1.1:9125
        proxyAdminPort: 15005
        controlPlaneAuthPolicy: MUTUAL_TLS
        statNameLength: 200
        tracing: {zipkin: {address: "localhost:6000"}}
        """;

    private const string UpstreamSuffixes =
        "upstream_rq_1xx,upstream_rq_2xx,upstream_rq_3xx,upstream_rq_4xx,upstream_rq_5xx,upstream_rq_time,"
        + "upstream_cx_tx_bytes_total,upstream_cx_rx_bytes_total,upstream_cx_total";

    [Fact]
    public void Defaults_MatchIstio() => AssertRecorded("default", Plain);

    [Fact]
    public void EveryOption_MatchesIstio() => AssertRecorded(
        "all",
        Full +
        """

        discoveryAddress: mypilot:15011
        envoyMetricsService:
          address: metrics-service:15000
          tlsSettings:
            mode: MUTUAL
            clientCertificate: /etc/istio/ms/client.pem
            privateKey: /etc/istio/ms/key.pem
            caCertificates: /etc/istio/ms/ca.pem
        envoyAccessLogService: {address: "accesslog-service:15000"}
        """);

    [Fact]
    public void RuntimeValue_MatchesIstio() => AssertRecorded(
        "explicit_internal_address",
        Plain + "\nruntimeValues: {envoy.reloadable_features.explicit_internal_address_config: \"true\"}");

    [Fact]
    public void LoadReporting_MatchesIstio() => AssertRecorded(
        "lrs",
        Plain,
        new()
        {
            ["ISTIO_META_LOAD_STATS_CONFIG_JSON"] = """{"api_type": "GRPC", "transport_api_version": "V3"}""",
            ["COMPLIANCE_POLICY"] = "fips-140-2",
        });

    [Fact]
    public void PodOfADeployment_MatchesIstio()
    {
        var annotations = new Dictionary<string, string>
        {
            ["istio.io/insecurepath"] = "{\"paths\":[\"/metrics\",\"/live\"]}",
        };
        AssertRecorded(
            "running",
            Full + "\ndiscoveryAddress: mypilot:1001",
            new()
            {
                ["ISTIO_META_ISTIO_PROXY_SHA"] = "istio-proxy:sha",
                ["ISTIO_META_INTERCEPTION_MODE"] = "REDIRECT",
                ["ISTIO_META_ISTIO_VERSION"] = "release-3.1",
                ["ISTIO_META_POD_NAME"] = "svc-0-0-0-6944fb884d-4pgx8",
                ["POD_NAME"] = "svc-0-0-0-6944fb884d-4pgx8",
                ["POD_NAMESPACE"] = "test",
                ["INSTANCE_IP"] = "10.10.10.1",
                ["ISTIO_METAJSON_LABELS"] = """{"version": "v1alpha1", "app": "test", "istio-locality":"regionA.zoneB.sub_zoneC"}""",
                ["ISTIO_METAJSON_ANNOTATIONS"] = """{"istio.io/insecurepath": "{\"paths\":[\"/metrics\",\"/live\"]}"}""",
            },
            annotations);
    }

    [Fact]
    public void StatsAnnotations_MatchIstio()
    {
        string suffixes = $"suffix1,suffix2,{UpstreamSuffixes},{UpstreamSuffixes.Replace("upstream", "downstream")}";
        var annotations = new Dictionary<string, string>
        {
            ["sidecar.istio.io/statsInclusionPrefixes"] = "prefix1,prefix2,http.{pod_ip}_",
            ["sidecar.istio.io/statsInclusionSuffixes"] = suffixes,
            ["sidecar.istio.io/statsInclusionRegexps"] = @"http.[0-9]*\.[0-9]*\.[0-9]*\.[0-9]*_8080.downstream_rq_time",
            ["sidecar.istio.io/extraStatTags"] = "dlp_status,dlp_error",
            ["sidecar.istio.io/statsHistogramBuckets"] =
                """{"istio":[1,5,10,50,100,500,1000,5000,10000],"envoy":[1,5,10,25,50,100,250,500,1000,2500,5000,10000]}""",
        };
        var json = new Google.Protobuf.WellKnownTypes.Struct();
        foreach ((string key, string value) in annotations)
        {
            json.Fields[key] = Google.Protobuf.WellKnownTypes.Value.ForString(value);
        }

        AssertRecorded(
            "stats_inclusion",
            Plain + "\nextraStatTags: [dlp_success]",
            new() { ["ISTIO_METAJSON_ANNOTATIONS"] = JsonPrinter.Print(json) },
            annotations);
    }

    [Fact]
    public void TracingOverTls_MatchesIstio() => AssertRecorded(
        "tracing_tls",
        Plain + "\ntracing: {zipkin: {address: \"localhost:6000\"}, tlsSettings: {mode: SIMPLE, caCertificates: /etc/zipkin/ca.pem}}");

    [Fact]
    public void Tracing_MatchesIstio() =>
        AssertRecorded("tracing_zipkin", Plain + "\ntracing: {zipkin: {address: \"localhost:6000\"}}");

    [Fact]
    public void PodWithV6Alone_UsesV6Loopback()
    {
        BootstrapInputs inputs = Inputs("v6", Plain, [], null) with { InstanceIps = ["2001:db8::1"] };

        BootstrapMessage bootstrap = BootstrapBuilder.Build(inputs);

        Assert.Equal("::1", bootstrap.Admin.Address.SocketAddress.Address);
        Assert.Equal(["::_15090", "::_15021"], bootstrap.StaticResources.Listeners.Select(l => l.Name));
    }

    [Fact]
    public void AddressWithoutPort_NamesItsField()
    {
        BootstrapInputs inputs = Inputs("bad", Plain + "\nstatsdUdpAddress: nowhere", [], null);

        AgentConfigException e = Assert.Throws<AgentConfigException>(() => BootstrapBuilder.Build(inputs));

        Assert.Equal("The address 'nowhere' of statsdUdpAddress is not of the form host:port.", e.Message);
    }

    private static void AssertRecorded(
        string name, string config, Dictionary<string, string>? variables = null, Dictionary<string, string>? annotations = null)
    {
        string file = Path.Combine(ConformanceData.Folder("bootstrap"), name + ".json");
        BootstrapMessage expected = MessageReader.Parse<BootstrapMessage>(File.ReadAllText(file), file).Message!;
        expected.StaticResources.Clusters.Single(c => c.Name == "xds-grpc")
            .LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.Pipe.Path = $"/tmp/bootstrap/{name}/XDS";

        BootstrapMessage actual = BootstrapBuilder.Build(Inputs(name, config, variables ?? [], annotations));

        // Printed, so that a difference shows as text; printing sorts maps, and the recording spells out defaults.
        Assert.Equal(
            JsonPrinter.Print(expected, JsonPrintOptions.EnvoyAdmin),
            JsonPrinter.Print(actual, JsonPrintOptions.EnvoyAdmin));
    }

    private static BootstrapInputs Inputs(
        string name, string config, Dictionary<string, string> variables, Dictionary<string, string>? annotations)
    {
        string yaml = $"{config}\nconfigPath: /tmp/bootstrap/{name}\ncustomConfigFile: envoy_bootstrap.json\nstatusPort: 15020\n";
        return new BootstrapInputs
        {
            NodeId = "sidecar~1.2.3.4~foo~bar",
            Environment = new AgentEnvironment(variables),
            ProxyConfig = MessageReader.Parse<ProxyConfig>(yaml, name, ReadOptions.Istio).Message!,
            InstanceIps = ["10.3.3.3", "10.4.4.4", "10.5.5.5", "10.6.6.6", "10.4.4.4"],
            ControlPlaneSans = ["spiffe://cluster.local/ns/istio-system/sa/istio-pilot-service-account"],
            PodAnnotations = annotations,
            OutlierLogPath = "/dev/stdout",
            IstioVersion = "binary-1.0",
            WorkloadIdentitySocketFile = "test.sock",
        };
    }
}
