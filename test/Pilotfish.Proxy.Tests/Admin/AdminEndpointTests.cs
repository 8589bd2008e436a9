using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Admin;

/// <summary>Every path of the admin server with its methods, formats, parameters and refusals.</summary>
public sealed class AdminEndpointTests
{
    private const string Bootstrap = """
        node: {id: n, cluster: c}
        layered_runtime:
          layers:
          - {name: base, static_layer: {a: {b: 1}, kept: x}}
          - {name: above, static_layer: {a: {b: 2}}}
          - {name: admin, admin_layer: {}}
        static_resources:
          clusters:
          - name: backend
            type: STATIC
            circuit_breakers: {thresholds: [{max_connections: 7}]}
            outlier_detection: {}
            load_assignment:
              cluster_name: backend
              endpoints:
              - locality: {region: r, zone: z, sub_zone: s}
                lb_endpoints:
                - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}, hostname: one}
                  metadata: {filter_metadata: {envoy.lb: {canary: true}}}
          listeners:
          - name: plain
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: tcp
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                  stat_prefix: t
                  cluster: backend
        """;

    // The paths that change something; everything else answers GET.
    private static readonly string[] s_mutations =
    [
        "/drain_listeners", "/healthcheck/fail", "/healthcheck/ok", "/logging", "/quitquitquit", "/reopen_logs", "/reset_counters", "/runtime_modify",
    ];

    private static readonly string[] s_reports =
    [
        "/", "/certs", "/clusters", "/config_dump", "/contention", "/help", "/hot_restart_version", "/init_dump", "/listeners", "/memory",
        "/ready", "/runtime", "/server_info", "/stats", "/stats/prometheus",
    ];

    [Fact]
    public void Paths_AreTheseAndHelpNamesEach() => Run(async bench =>
    {
        string help = (await bench.GetAsync("/help")).Body;
        Assert.StartsWith("admin commands are:\n", help);
        IEnumerable<string> expected = s_mutations.Select(static path => path + " (POST)").Concat(s_reports).Order(StringComparer.Ordinal);
        Assert.Equal(expected, help.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(static line => line.Trim().Split(": ")[0]));
        AdminAnswer home = await bench.GetAsync("/");
        Assert.Contains("content-type: text/html", home.Head);
        Assert.Contains("<form action=\"/quitquitquit\" method=\"post\">", home.Body);
    });

    [Theory]
    [InlineData("/ready", 200)]
    [InlineData("/ready?x=1", 200)]
    [InlineData("/stats", 200)]
    [InlineData("/stats/prometheus", 200)]
    [InlineData("/config_dump", 403)]
    [InlineData("/certs", 403)]
    [InlineData("/help", 403)]
    [InlineData("/no_such_path", 403)]
    [InlineData("/certs?x=/ready", 403)]
    public void Path_ThatAllowPathsLeavesOut_Is403(string target, int status) => LoopRunner.Run(async loop =>
    {
        using var bench = new AdminBench(loop, Bootstrap + "\nadmin: {allow_paths: [{exact: /ready}, {prefix: /stats}]}");
        Assert.Equal(status, (await bench.GetAsync(target)).Status);
        Assert.Equal(403, (await bench.PostAsync("/quitquitquit")).Status);
        Assert.Equal(0, bench.Quits);
    });

    [Fact]
    public void Mutation_ByGet_Is405AndChangesNothing() => Run(async bench =>
    {
        foreach (string path in s_mutations)
        {
            AdminAnswer answer = await bench.GetAsync(path);
            Assert.Equal((405, "Method GET not allowed, POST required."), (answer.Status, answer.Body));
        }

        Assert.Equal(0, bench.Quits);
        Assert.Equal("LIVE\n", (await bench.GetAsync("/ready")).Body);
    });

    [Fact]
    public void Report_ByDelete_Is405() => Run(static async bench =>
    {
        foreach (string path in s_reports)
        {
            Assert.Equal(405, (await bench.AskAsync("DELETE", path)).Status);
        }
    });

    [Fact]
    public void Path_Unknown_Is404WithTheHelp() => Run(static async bench =>
    {
        AdminAnswer answer = await bench.GetAsync("/nothing");
        Assert.Equal(404, answer.Status);
        Assert.StartsWith("invalid path. admin commands are:\n", answer.Body);
    });

    [Fact]
    public void Reports_AreJsonWhereEnvoysAre() => Run(static async bench =>
    {
        foreach (string path in new[]
        {
            "/certs", "/clusters?format=json", "/config_dump", "/contention", "/init_dump", "/listeners?format=json", "/memory", "/runtime",
            "/server_info", "/stats?format=json",
        })
        {
            AdminAnswer answer = await bench.GetAsync(path);
            Assert.True(answer.Status == 200, path + answer.Body);
            Assert.Contains("content-type: application/json", answer.Head);
            using JsonDocument json = JsonDocument.Parse(answer.Body);
            Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
        }
    });

    [Fact]
    public void Clusters_Text_HasEnvoysLinesInOrder() => Run(static async bench =>
    {
        string text = (await bench.GetAsync("/clusters")).Body;
        Assert.Equal(
        [
            "observability_name::backend", "outlier::success_rate_average::-1", "outlier::success_rate_ejection_threshold::-1",
            "outlier::local_origin_success_rate_average::-1", "outlier::local_origin_success_rate_ejection_threshold::-1",
            "default_priority::max_connections::7", "default_priority::max_pending_requests::1024", "default_priority::max_requests::1024",
            "default_priority::max_retries::3", "high_priority::max_connections::1024", "high_priority::max_pending_requests::1024",
            "high_priority::max_requests::1024", "high_priority::max_retries::3", "added_via_api::false",
            "127.0.0.1:1::cx_active::0", "127.0.0.1:1::cx_connect_fail::0", "127.0.0.1:1::cx_total::0", "127.0.0.1:1::rq_active::0",
            "127.0.0.1:1::rq_error::0", "127.0.0.1:1::rq_success::0", "127.0.0.1:1::rq_timeout::0", "127.0.0.1:1::rq_total::0",
            "127.0.0.1:1::hostname::one", "127.0.0.1:1::health_flags::healthy", "127.0.0.1:1::weight::1", "127.0.0.1:1::region::r",
            "127.0.0.1:1::zone::z", "127.0.0.1:1::sub_zone::s", "127.0.0.1:1::canary::true", "127.0.0.1:1::priority::0",
            "127.0.0.1:1::success_rate::-1", "127.0.0.1:1::local_origin_success_rate::-1",
        ],
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line["backend::".Length..]));
    });

    [Fact]
    public void Clusters_Json_TellsBreakersAndHosts() => Run(static async bench =>
    {
        using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/clusters?format=json")).Body);
        JsonElement cluster = json.RootElement.GetProperty("cluster_statuses")[0];
        Assert.Equal(7, cluster.GetProperty("circuit_breakers").GetProperty("thresholds")[0].GetProperty("max_connections").GetInt32());
        JsonElement host = cluster.GetProperty("host_statuses")[0];
        Assert.Equal("one", host.GetProperty("hostname").GetString());
        Assert.Equal(8, host.GetProperty("stats").GetArrayLength());
        Assert.Equal("HEALTHY", host.GetProperty("health_status").GetProperty("eds_health_status").GetString());
    });

    [Fact]
    public void Listeners_TextAndJson_TellTheBoundAddress() => Run(static async bench =>
    {
        string text = (await bench.GetAsync("/listeners")).Body;
        Assert.Matches("^plain::127\\.0\\.0\\.1:[1-9][0-9]*\n$", text);
        using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/listeners?format=json")).Body);
        JsonElement status = json.RootElement.GetProperty("listener_statuses")[0];
        Assert.Equal("plain", status.GetProperty("name").GetString());
        int port = status.GetProperty("local_address").GetProperty("socket_address").GetProperty("port_value").GetInt32();
        Assert.EndsWith($":{port}\n", text);
    });

    [Theory]
    [InlineData("/stats?format=xml", 400)]
    [InlineData("/stats?filter=(", 400)]
    [InlineData("/stats?type=Nothing", 400)]
    [InlineData("/stats?histogram_buckets=all", 400)]
    [InlineData("/config_dump?resource=nothing", 404)]
    [InlineData("/config_dump?name_regex=(", 400)]
    [InlineData("/config_dump?mask=a..b", 400)]
    [InlineData("/config_dump?mask=nothing", 400)]
    public void Parameter_Bad_IsRefusedWithASentence(string target, int status) => Run(async bench =>
    {
        AdminAnswer answer = await bench.GetAsync(target);
        Assert.True(answer.Status == status && answer.Body.Length > 10, answer.ToString());
    });

    [Fact]
    public void ConfigDump_ResourceNameAndMask_Narrow() => Run(static async bench =>
    {
        using JsonDocument all = JsonDocument.Parse((await bench.GetAsync("/config_dump")).Body);
        Assert.Equal(7, all.RootElement.GetProperty("configs").GetArrayLength());
        using JsonDocument eds = JsonDocument.Parse((await bench.GetAsync("/config_dump?include_eds")).Body);
        Assert.Equal(8, eds.RootElement.GetProperty("configs").GetArrayLength());

        string masked = (await bench.GetAsync("/config_dump?resource=static_clusters&mask=cluster.name,cluster.type")).Body;
        using JsonDocument one = JsonDocument.Parse(masked);
        JsonElement cluster = one.RootElement.GetProperty("configs")[0].GetProperty("cluster");
        Assert.Equal("backend", cluster.GetProperty("name").GetString());
        Assert.False(cluster.TryGetProperty("load_assignment", out _));
        Assert.DoesNotContain("last_updated", masked);

        string section = (await bench.GetAsync("/config_dump?mask=bootstrap.node")).Body;
        Assert.Contains("\"id\": \"n\"", section);
        Assert.DoesNotContain("static_resources", section);

        using JsonDocument none = JsonDocument.Parse((await bench.GetAsync("/config_dump?resource=static_clusters&name_regex=other.*")).Body);
        Assert.False(none.RootElement.TryGetProperty("configs", out _));
    });

    /// <summary>RE2's syntax and its linear time, as of every expression that a peer sends.</summary>
    [Theory]
    [InlineData("%5Cpb%5Cp%7BLl%7D", 400)]
    [InlineData("(b)%5C1", 400)]
    [InlineData("%28%3F%3Db%29.*", 400)]
    [InlineData("%28%28%5Ba-z%5D%2B%29%2B%29%2B0", 200)]
    public void ConfigDump_NameRegex_IsRe2s(string expression, int status) => Run(async bench =>
    {
        AdminAnswer answer = await bench.GetAsync("/config_dump?resource=static_clusters&name_regex=" + expression);
        Assert.True(answer.Status == status, answer.ToString());
    });

    [Fact]
    public void Certs_OfAClustersContext_AreTold()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=me", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://cluster.local/ns/a/sa/b"));
        names.AddDnsName("b.a.svc");
        names.AddIpAddress(System.Net.IPAddress.Parse("10.1.2.3"));
        request.CertificateExtensions.Add(names.Build());
        var clock = new ManualLoopClock();
        using X509Certificate2 certificate = request.Create(
            request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), clock.WallNow.AddDays(-1), clock.WallNow.AddDays(3.5), [0, 0x1f, 0xab]);
        string bootstrap = $$$"""
            static_resources:
              clusters:
              - name: secure
                type: STATIC
                transport_socket:
                  name: tls
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                    common_tls_context:
                      tls_certificates:
                      - certificate_chain: {inline_string: {{{JsonSerializer.Serialize(certificate.ExportCertificatePem())}}} }
                        private_key: {inline_string: {{{JsonSerializer.Serialize(key.ExportPkcs8PrivateKeyPem())}}} }
                      validation_context: {trusted_ca: {inline_string: {{{JsonSerializer.Serialize(certificate.ExportCertificatePem())}}} }}
            """;
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new AdminBench(loop, bootstrap);
            using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/certs")).Body);
            JsonElement context = Assert.Single(json.RootElement.GetProperty("certificates").EnumerateArray());
            Assert.Equal(1, context.GetProperty("ca_cert").GetArrayLength());
            JsonElement chain = context.GetProperty("cert_chain")[0];
            Assert.Equal("1fab", chain.GetProperty("serial_number").GetString());
            Assert.Equal("3", chain.GetProperty("days_until_expiration").GetString());
            Assert.Equal(
                ["{\"uri\":\"spiffe://cluster.local/ns/a/sa/b\"}", "{\"ip_address\":\"10.1.2.3\"}", "{\"dns\":\"b.a.svc\"}"],
                chain.GetProperty("subject_alt_names").EnumerateArray().Select(static name => JsonSerializer.Serialize(name)).OrderDescending());
        });
    }

    [Fact]
    public void Runtime_LaterLayersWin() => Run(static async bench =>
    {
        using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/runtime")).Body);
        JsonElement entry = json.RootElement.GetProperty("entries").GetProperty("a.b");
        Assert.Equal("2", entry.GetProperty("final_value").GetString());
        Assert.Equal(["1", "2", ""], entry.GetProperty("layer_values").EnumerateArray().Select(static value => value.GetString()!));
    });

    [Fact]
    public void RuntimeModify_MaintenanceMode_HoldsUntilItIsRemoved() => Run(static async bench =>
    {
        const string Key = "upstream.maintenance_mode.outbound|80||a.b";
        string query = $"/runtime_modify?{Uri.EscapeDataString(Key)}=";
        Assert.Equal((200, "OK\n"), await PostAsync(bench, query + "30"));
        Assert.Equal(30u, bench.App.Context.Runtime.Number(Key));
        using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/runtime")).Body);
        Assert.Equal("30", json.RootElement.GetProperty("entries").GetProperty(Key).GetProperty("final_value").GetString());
        Assert.Equal((200, "OK\n"), await PostAsync(bench, query));
        Assert.Null(bench.App.Context.Runtime.Number(Key));
    });

    [Fact]
    public void RuntimeModify_SeveralAtOnce_CountsThemAndOverridesOtherLayers() => Run(static async bench =>
    {
        Assert.Equal((200, "OK\n"), await PostAsync(bench, "/runtime_modify?a.b=7&c=%7Bnumerator:%201%7D&upstream.use_retry=0"));
        Assert.Equal(7u, bench.App.Context.Runtime.Number("a.b"));
        Assert.Equal("{numerator: 1}", bench.App.Context.Runtime.Find("c")!.Text);
        string stats = (await bench.GetAsync("/stats?filter=^runtime")).Body;
        Assert.Equal(
            "runtime.admin_overrides_active: 1\nruntime.deprecated_feature_seen_since_process_start: 0\nruntime.deprecated_feature_use: 0\n"
            + "runtime.load_error: 0\nruntime.load_success: 2\nruntime.num_keys: 4\nruntime.num_layers: 3\n"
            + "runtime.override_dir_exists: 0\nruntime.override_dir_not_exists: 2\n", stats);
    });

    [Fact]
    public void RuntimeModify_WithoutAnAdminLayer_Is503() => LoopRunner.Run(static async loop =>
    {
        using var bench = new AdminBench(loop, "layered_runtime: {layers: [{name: base, static_layer: {a: 1}}]}");
        AdminAnswer answer = await bench.PostAsync("/runtime_modify?a=2");
        Assert.Equal((503, "No admin layer specified"), (answer.Status, answer.Body));
        Assert.Equal(1u, bench.App.Context.Runtime.Number("a"));
    });

    [Fact]
    public void RuntimeModify_WithoutAnyRuntime_HasAnAdminLayer() => LoopRunner.Run(static async loop =>
    {
        using var bench = new AdminBench(loop, "node: {id: n, cluster: c}");
        Assert.Equal(200, (await bench.PostAsync("/runtime_modify?a=2")).Status);
        Assert.Equal(2u, bench.App.Context.Runtime.Number("a"));
    });

    [Theory]
    [InlineData("/runtime_modify", "usage: /runtime_modify?")]
    [InlineData("/runtime_modify?=3&a.b=4", "usage: /runtime_modify?")]
    public void RuntimeModify_Bad_Is400AndChangesNothing(string target, string problem) => Run(async bench =>
    {
        (int status, string body) = await PostAsync(bench, target);
        Assert.Equal(400, status);
        Assert.StartsWith(problem, body, StringComparison.Ordinal);
        Assert.Equal(2u, bench.App.Context.Runtime.Number("a.b"));
    });

    [Fact]
    public void Stats_Forms_ShowTheSameHistogram()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new AdminBench(loop, Bootstrap);
            Histogram histogram = bench.App.Stats.Scope("probe").Histogram("ms");
            bench.App.Stats.Main.Record(histogram, 3);
            Assert.Contains("probe.ms: P0(nan,1) P25(nan,2) P50(nan,3) ", (await bench.GetAsync("/stats?filter=^probe")).Body);
            bench.App.Stats.Main.Record(histogram, 30);
            clock.Advance(TimeSpan.FromMilliseconds(HistogramIntervals.IntervalMilliseconds + 1));
            await loop.YieldAsync();
            Assert.Contains("P0(25,1) ", (await bench.GetAsync("/stats?filter=^probe")).Body);
            Assert.Contains(" B1(0,0) B5(0,1) B10(0,1) B25(0,1) B50(1,2) ", (await bench.GetAsync("/stats?filter=^probe&histogram_buckets=cumulative")).Body);
            Assert.Contains(" B5(0,1) B10(0,0) B25(0,0) B50(1,1) ", (await bench.GetAsync("/stats?filter=^probe&histogram_buckets=disjoint")).Body);
            Assert.Contains(
                "probe.ms:\n  totals=1,4:1, 25,25:1\n  intervals=25,25:1\n  summary=P0(25,1)",
                (await bench.GetAsync("/stats?filter=^probe&histogram_buckets=detailed")).Body);
            foreach (string form in new[] { "summary", "cumulative", "disjoint", "detailed" })
            {
                using JsonDocument json = JsonDocument.Parse(
                    (await bench.GetAsync($"/stats?format=json&filter=^probe&histogram_buckets={form}")).Body);
                Assert.Contains("\"name\":\"probe.ms\"", json.RootElement.GetProperty("stats")[0].GetProperty("histograms").GetRawText());
            }

            string prometheus = (await bench.GetAsync("/stats?format=prometheus&filter=^probe")).Body;
            Assert.Contains("# TYPE envoy_probe_ms histogram\n", prometheus);
            Assert.Contains("envoy_probe_ms_bucket{le=\"5\"} 1\n", prometheus);
            Assert.Equal(prometheus, (await bench.GetAsync("/stats/prometheus?filter=^probe")).Body);
        });
    }

    [Fact]
    public void ResetCounters_CountersStartAgainAndGaugesStay() => Run(static async bench =>
    {
        Counter counter = bench.App.Stats.Scope("probe").Counter("c");
        Gauge gauge = bench.App.Stats.Scope("probe").Gauge("g");
        bench.App.Stats.Main.Add(counter, 5);
        bench.App.Stats.Main.Set(gauge, 6);
        Assert.Equal("probe.c: 5\nprobe.g: 6\n", (await bench.GetAsync("/stats?filter=^probe")).Body);
        Assert.Equal("OK\n", (await bench.PostAsync("/reset_counters")).Body);
        Assert.Equal("probe.c: 0\nprobe.g: 6\n", (await bench.GetAsync("/stats?filter=^probe")).Body);
        Assert.Equal("probe.g: 6\n", (await bench.GetAsync("/stats?usedonly&filter=^probe")).Body);
    });

    [Fact]
    public void HealthCheck_FailAndOk_SwitchReady() => Run(static async bench =>
    {
        Assert.Equal("OK\n", (await bench.PostAsync("/healthcheck/fail")).Body);
        AdminAnswer draining = await bench.GetAsync("/ready");
        Assert.Equal((503, "DRAINING\n"), (draining.Status, draining.Body));

        // What health check filters look at.
        Assert.True(bench.App.Context.Health.Fails);
        await bench.PostAsync("/healthcheck/ok");
        Assert.False(bench.App.Context.Health.Fails);
        Assert.Equal(200, (await bench.GetAsync("/ready")).Status);
    });

    [Fact]
    public void Quit_ByPost_AnswersAndQuits() => Run(static async bench =>
    {
        Assert.Equal("OK\n", (await bench.PostAsync("/quitquitquit")).Body);
        Assert.Equal(1, bench.Quits);
    });

    [Fact]
    public void DrainListeners_WithoutGraceful_StopsListening() => Run(static async bench =>
    {
        Assert.Equal("OK\n", (await bench.PostAsync("/drain_listeners?skip_exit")).Body);
        Assert.Equal(ServerPhase.Live, bench.App.Server.Phase);
        await bench.PostAsync("/drain_listeners");
        Assert.Equal(ServerPhase.Draining, bench.App.Server.Phase);
    });

    [Fact]
    public void Logging_LevelsAndNames_ChangeOrAreRefused() => Run(static async bench =>
    {
        LogLevel[] before = [.. LogComponent.All.Select(static component => component.Level)];
        try
        {
            Assert.Contains("  admin: debug\n", (await bench.PostAsync("/logging?admin=debug")).Body);
            Assert.Contains("  config: error\n", (await bench.PostAsync("/logging?paths=config:error,admin:info")).Body);
            Assert.Contains("  upstream: warning\n", (await bench.PostAsync("/logging?level=warning")).Body);
            Assert.Equal(400, (await bench.PostAsync("/logging?level=loud")).Status);
            Assert.Contains("unknown logger name 'nobody'", (await bench.PostAsync("/logging?nobody=info")).Body);
        }
        finally
        {
            for (int i = 0; i < before.Length; i++)
            {
                LogComponent.All[i].Level = before[i];
            }
        }
    });

    [Fact]
    public void ReopenLogs_ByPost_IsOk() => Run(static async bench => Assert.Equal("OK\n", (await bench.PostAsync("/reopen_logs")).Body));

    [Fact]
    public void ServerInfo_TellsVersionNodeAndState() => Run(static async bench =>
    {
        using JsonDocument json = JsonDocument.Parse((await bench.GetAsync("/server_info")).Body);
        Assert.Equal("LIVE", json.RootElement.GetProperty("state").GetString());
        Assert.Equal("n", json.RootElement.GetProperty("node").GetProperty("id").GetString());
        Assert.Equal(5, json.RootElement.GetProperty("version").GetString()!.Split('/').Length);
        Assert.Equal("disabled\n", (await bench.GetAsync("/hot_restart_version")).Body);
    });

    private static async Task<(int Status, string Body)> PostAsync(AdminBench bench, string target)
    {
        AdminAnswer answer = await bench.PostAsync(target);
        return (answer.Status, answer.Body);
    }

    private static void Run(Func<AdminBench, Task> body) => LoopRunner.Run(async loop =>
    {
        using var bench = new AdminBench(loop, Bootstrap);
        await body(bench);
    });
}
