using Envoy.Data.Accesslog.V3;
using Envoy.Service.Accesslog.V3;
using OpenTelemetry.Proto.Logs.V1;
using Pilotfish.Proxy.Tests.Serving.Collectors;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>
/// A mesh whose sidecars log to a collector in it: first as the mesh's settings say, then as a Telemetry object with providers does.
/// </summary>
[Collection("Meshes")]
public sealed class CollectedMeshTests : IAsyncLifetime
{
    private const string Manifests = """
        apiVersion: v1
        kind: Namespace
        metadata: {name: default, labels: {istio-injection: enabled}}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: istio, namespace: istio-system}
        data:
          mesh: |
            enableEnvoyAccessLogService: true
            defaultConfig: {envoyAccessLogService: {address: "collector.default.svc.cluster.local:4317"}}
            extensionProviders:
            - name: als
              envoyHttpAls: {service: collector.default.svc.cluster.local, port: 4317, logName: by-provider, additionalRequestHeadersToLog: [x-mine]}
            - name: otel
              envoyOtelAls:
                service: default/collector.default.svc.cluster.local
                port: 4317
                logFormat: {text: "%REQ(:METHOD)% %REQ(:PATH)%", labels: {code: "%RESPONSE_CODE%"}}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: client, labels: {app: client}}
        spec:
          terminationGracePeriodSeconds: 1
          containers: [{name: app, command: ["sleep", "infinity"], securityContext: {runAsUser: 1000}}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: web}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: app
            command: ["perl", "-e", "use IO::Socket::INET; $SIG{CHLD} = q(IGNORE); $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1); while ($c = $s->accept) { next if fork; while (<$c>) { print $c qq(HTTP/1.1 200 OK\\r\\ncontent-length: 3\\r\\n\\r\\nok\\n) if /^\\r?$/ } exit }"]
            readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
            securityContext: {runAsUser: 1000}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: collector, labels: {app: collector, sidecar.istio.io/inject: "false"}}
        spec:
          terminationGracePeriodSeconds: 1
          volumes: [{name: conf, configMap: {name: collector}}, {name: sockets, hostPath: {path: SOCKETS}}]
          containers:
          - name: app
            command: ["EXECUTABLE", "serve", "-c", "/conf/bootstrap.yaml", "--concurrency", "1"]
            volumeMounts: [{name: conf, mountPath: /conf}, {name: sockets, mountPath: /sockets}]
            readinessProbe: {tcpSocket: {port: 4317}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: collector}
        spec: {selector: {app: collector}, ports: [{name: grpc, port: 4317}]}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: collector}
        data:
          bootstrap.yaml: |
            static_resources:
              listeners:
              - name: in
                address: {socket_address: {address: 0.0.0.0, port_value: 4317}}
                filter_chains:
                - filters:
                  - name: tcp
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                      stat_prefix: t
                      cluster: test
              clusters:
              - name: test
                load_assignment:
                  cluster_name: test
                  endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: /sockets/socket}}}}]}]

        """;

    private const string Telemetry = """
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        metadata: {name: mesh-default, namespace: istio-system}
        spec: {accessLogging: [{providers: [{name: als}, {name: otel}]}]}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-collected-").FullName;
    private readonly string _sockets = Directory.CreateTempSubdirectory("pilotfish-collector-").FullName;
    private LogCollector? _collector;

    // The only way out of the mesh is a file: the pod `collector` passes the bytes on to the test's own server.
    public async ValueTask InitializeAsync()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "perl", "curl");
        _collector = await LogCollector.StartAsync(Path.Combine(_sockets, "socket"));
        Write("mesh.yaml", Manifests.Replace("SOCKETS", _sockets, StringComparison.Ordinal)
            .Replace("EXECUTABLE", Executable.Path, StringComparison.Ordinal));
        var up = await Executable.RunAsync("up", _folder, "--detach");
        Assert.True(up.ExitCode == 0, up.Output + up.Error);
    }

    public async ValueTask DisposeAsync()
    {
        await Executable.RunAsync("down", _folder);
        if (_collector is not null)
        {
            await _collector.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_sockets, recursive: true);
    }

    [Fact]
    public async Task Sidecars_LogAsTheMeshSays_ThenAsATelemetrySays()
    {
        LogCollector collector = _collector!;
        await GetAsync("/by-mesh");
        await collector.UntilAsync(c => Entries(c, "http_envoy_accesslog", "/by-mesh").Count == 2);
        var (outbound, inbound) = Sides(Entries(collector, "http_envoy_accesslog", "/by-mesh"));
        Assert.Equal("outbound|80||web.default.svc.cluster.local", outbound.CommonProperties.UpstreamCluster);
        Assert.Equal("inbound|8080||", inbound.CommonProperties.UpstreamCluster);
        Assert.Equal((200u, "via_upstream", "web"),
            (outbound.Response.ResponseCode, outbound.Response.ResponseCodeDetails, outbound.Request.Authority));
        Assert.Equal(outbound.Request.RequestId, inbound.Request.RequestId);
        Assert.NotEmpty(outbound.CommonProperties.StreamId);

        // Live, for new connections.
        Write("telemetry.yaml", Telemetry);
        await collector.UntilAsync(async c =>
        {
            await GetAsync("/by-telemetry");
            return Entries(c, "by-provider", "/by-telemetry").Count >= 2 && Records(c, "GET /by-telemetry").Count >= 2;
        });
        Assert.All(Entries(collector, "by-provider", "/by-telemetry"), static e => Assert.Equal("7", e.Request.RequestHeaders["x-mine"]));
        Assert.All(Records(collector, "GET /by-telemetry"), static record =>
        {
            var attribute = Assert.Single(record.Attributes);
            Assert.Equal(("code", "200"), (attribute.Key, attribute.Value.StringValue));
        });
    }

    private static (HTTPAccessLogEntry Outbound, HTTPAccessLogEntry Inbound) Sides(List<HTTPAccessLogEntry> entries)
    {
        int outbound = entries.FindIndex(static e => e.CommonProperties.UpstreamCluster.StartsWith("outbound", StringComparison.Ordinal));
        return (entries[outbound], entries[1 - outbound]);
    }

    private static List<HTTPAccessLogEntry> Entries(LogCollector collector, string log, string path)
    {
        List<HTTPAccessLogEntry> entries = [];
        foreach ((string name, StreamAccessLogsMessage message) in collector.NamedMessages)
        {
            entries.AddRange(message.HttpLogs?.LogEntry.Where(e => name == log && e.Request.Path == path) ?? []);
        }

        return entries;
    }

    private static List<LogRecord> Records(LogCollector collector, string body) => [.. collector.Exports
        .SelectMany(static e => e.ResourceLogs).SelectMany(static r => r.ScopeLogs).SelectMany(static s => s.LogRecords)
        .Where(r => r.Body.StringValue == body)];

    private async Task GetAsync(string path)
    {
        var result = await Executable.RunAsync(
            "exec", "client", "-c", "app", "--mesh", _folder, "--", "curl", "-s", "-m", "10", "-H", "x-mine: 7", "http://web" + path);
        Assert.Equal("ok\n", result.Output);
    }

    // A rename, so that no reader sees half a file.
    private void Write(string name, string text)
    {
        File.WriteAllText(Path.Combine(_folder, "." + name), text);
        File.Move(Path.Combine(_folder, "." + name), Path.Combine(_folder, name), overwrite: true);
    }
}
