using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Local;

/// <summary>
/// The main job: unmodified programs in pods, every packet through a sidecar that the control plane configures from Istio YAML.
/// </summary>
// One mesh at a time: `down` without a folder, which a neighbour tests, means whatever mesh there is.
[Collection("Meshes")]
public sealed class InjectedMeshTests : IDisposable
{
    private const string Server = """
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: web-VERSION, labels: {app: web, version: VERSION}}
        spec:
          terminationGracePeriodSeconds: 2
          volumes: [{name: conf, configMap: {name: web-VERSION}}, {name: run, emptyDir: {}}]
          containers:
          - name: app
            command: ["nginx", "-e", "stderr", "-c", "/conf/nginx.conf"]
            ports: [{containerPort: 8080}]
            readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
            volumeMounts: [{name: conf, mountPath: /conf}, {name: run, mountPath: /web}]
            securityContext: {runAsUser: 1000, runAsGroup: 1000}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: web-VERSION}
        data:
          nginx.conf: |
            daemon off;
            pid /web/nginx.pid;
            events {}
            http {
              access_log off;
              client_body_temp_path /web/b; proxy_temp_path /web/p; fastcgi_temp_path /web/f; uwsgi_temp_path /web/u; scgi_temp_path /web/s;
              server { listen 8080; location / { return 200 "VERSION\n"; } }
            }
        """;

    private const string Mesh = """
        apiVersion: v1
        kind: Namespace
        metadata: {name: default, labels: {istio-injection: enabled}}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: istio, namespace: istio-system}
        data: {mesh: "accessLogFile: /dev/stdout"}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: web}
        spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: client, labels: {app: client}}
        spec:
          terminationGracePeriodSeconds: 2
          containers: [{name: app, command: ["sleep", "infinity"], securityContext: {runAsUser: 1000}}]

        """;

    private readonly string _mesh = Directory.CreateTempSubdirectory("pilotfish-mesh-").FullName;

    public InjectedMeshTests()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "nginx", "curl");
        File.WriteAllText(Path.Combine(_mesh, "mesh.yaml"), Mesh + Server.Replace("VERSION", "v1") + "\n" + Server.Replace("VERSION", "v2"));
        RouteTo("v1");
    }

    [Fact]
    public async Task VirtualService_ChangedUnderLoad_MovesTrafficWithoutAFailedRequest()
    {
        var up = await Executable.RunAsync("up", _mesh, "--detach");
        try
        {
            Assert.True(up.ExitCode == 0, up.Output + up.Error);
            Assert.Equal(["v1"], (await RequestAsync(20)).Distinct());

            Task<string[]> load = RequestAsync(600);
            RouteTo("v2");
            string[] answers = await load;
            Assert.All(answers, answer => Assert.Contains(answer, (string[])["v1", "v2"]));
            Assert.Equal(600, answers.Length);
            await UntilOnlyAsync("v2");

            await AssertHopsLoggedAsync();
        }
        finally
        {
            await Executable.RunAsync("down", _mesh);
        }
    }

    public void Dispose() => Directory.Delete(_mesh, recursive: true);

    // A request's line stands in the client's sidecar (outbound, with the service's address) and in the server's (inbound).
    private async Task AssertHopsLoggedAsync()
    {
        const string Id = "3f0a6c1e-0000-4000-8000-00000000cafe";
        var sent = await Executable.RunAsync("exec", "client", "--mesh", _mesh, "--", "curl", "-sS", "-m", "10", "-H", $"x-request-id: {Id}", "http://web/");
        Assert.Equal("v2\n", sent.Output);
        Assert.Contains("outbound|80|v2|web.default.svc.cluster.local", await LogLineAsync("client", Id));
        string inbound = await LogLineAsync("web-v2", Id);
        Assert.Contains("inbound|8080||", inbound);
        Assert.Contains("127.0.0.6:", inbound);
        Assert.Contains("\"GET / HTTP/1.1\" 200 - via_upstream", inbound);
    }

    private async Task<string> LogLineAsync(string pod, string id)
    {
        // Access logs are flushed in intervals; the last attempt fails with the log's end in its message.
        const int AttemptsMax = 100;
        string log = "";
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            log = (await Executable.RunAsync("logs", pod, "-c", "istio-proxy", "--mesh", _mesh)).Output;
            string? line = log.Split('\n').FirstOrDefault(l => l.Contains(id, StringComparison.Ordinal));
            if (line is not null)
            {
                return line;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken);
        }

        throw new Xunit.Sdk.XunitException($"The sidecar of '{pod}' logged no line with {id}:\n{log}");
    }

    private async Task UntilOnlyAsync(string version)
    {
        const int AttemptsMax = 50;
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            if ((await RequestAsync(20)).All(answer => answer == version))
            {
                return;
            }
        }

        Assert.Fail($"The route to {version} never became the only one.");
    }

    private async Task<string[]> RequestAsync(int count)
    {
        var result = await Executable.RunAsync(
            "exec", "client", "--mesh", _mesh, "--", "curl", "-sS", "--fail", "-m", "60", $"http://web/?[1-{count}]");
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // A rename, so that no reader sees half a file.
    private void RouteTo(string version)
    {
        string file = Path.Combine(_mesh, "route.yaml");
        File.WriteAllText(file + ".new", $"""
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: web
            spec:
              hosts: [web]
              http:
              - route:
                - destination:
                    host: web
                    subset: {version}
            """);
        File.Move(file + ".new", file, overwrite: true);
    }
}
