using System.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Local;

/// <summary>One injected mesh whose manifests hold what people get wrong; shared by the tests of <see cref="FaultyMeshTests"/>.</summary>
public sealed class FaultyMesh : IAsyncLifetime
{
    private const string Manifests = """
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
        kind: Pod
        metadata: {name: client, labels: {app: client}}
        spec:
          terminationGracePeriodSeconds: 1
          containers: [{name: app, command: ["sleep", "infinity"], securityContext: {runAsUser: 1000}}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: late, labels: {app: late}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: app
            command: ["sh", "-c", "while [ ! -e /tmp/begin ]; do sleep 0.1; done; exec perl -e 'SERVER'"]
            securityContext: {runAsUser: 1000}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: wrong, labels: {app: wrong}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - {name: user, command: ["sleep", "infinity"], securityContext: {runAsUser: 1337}}
          - {name: port, command: ["sleep", "infinity"], ports: [{containerPort: 15006}], securityContext: {runAsUser: 1000}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: late}
        spec: {selector: {app: late}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: empty}
        spec: {selector: {app: nobody}, ports: [{name: http, port: 80}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: subset}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: subset}
        spec: {host: subset, subsets: [{name: v9, labels: {version: v9}}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: subset}
        spec: {hosts: [subset], http: [{route: [{destination: {host: subset, subset: v9}}]}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: lost}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: lost}
        spec: {hosts: [lost], http: [{route: [{destination: {host: nowhere}}]}]}

        """;

    private const string Web = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: REPLICAS
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              terminationGracePeriodSeconds: 3
              containers:
              - name: app
                command: ["perl", "-e", "SERVER"]
                readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
                securityContext: {runAsUser: 1000}
        """;

    // Keeps connections alive: a pod that leaves has idle ones in every pool.
    private const string Server = "use IO::Socket::INET; $SIG{CHLD} = q(IGNORE); $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1); "
        + "while ($c = $s->accept) { next if fork; while (<$c>) { print $c qq(HTTP/1.1 200 OK\\r\\ncontent-length: 3\\r\\n\\r\\nok\\n) if /^\\r?$/ } exit }";

    public string Folder { get; } = Directory.CreateTempSubdirectory("pilotfish-faulty-").FullName;

    /// <summary>What `up` said.</summary>
    public string Said { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "perl", "curl");
        Write("mesh.yaml", Manifests.Replace("SERVER", Escaped(Server), StringComparison.Ordinal));
        ScaleWeb(3);
        var up = await Executable.RunAsync("up", Folder, "--detach");
        Said = up.Output + up.Error;
        Assert.True(up.ExitCode == 0, Said);
    }

    public async ValueTask DisposeAsync()
    {
        await Executable.RunAsync("down", Folder);
        Directory.Delete(Folder, recursive: true);
    }

    public void ScaleWeb(int replicas) => Write("web.yaml", Web
        .Replace("SERVER", Escaped(Server), StringComparison.Ordinal).Replace("REPLICAS", $"{replicas}", StringComparison.Ordinal));

    /// <summary>A rename, so that no reader sees half a file.</summary>
    public void Write(string name, string text)
    {
        File.WriteAllText(Path.Combine(Folder, "." + name), text);
        File.Move(Path.Combine(Folder, "." + name), Path.Combine(Folder, name), overwrite: true);
    }

    public async Task<string> ExecAsync(string pod, string script, string container = "app")
    {
        var result = await Executable.RunAsync("exec", pod, "-c", container, "--mesh", Folder, "--", "sh", "-c", script);
        return result.Output + result.Error;
    }

    /// <summary>The status of one request from the client pod.</summary>
    public Task<string> StatusAsync(string url) => ExecAsync("client", $"curl -s -m 10 -o /dev/null -w '%{{http_code}}' {url}");

    /// <summary>The last line of a sidecar's access log that holds a text.</summary>
    public async Task<string> LogLineAsync(string pod, string part)
    {
        string line = "";
        await UntilAsync(async () =>
        {
            string log = (await Executable.RunAsync("logs", pod, "-c", "istio-proxy", "--mesh", Folder)).Output;
            line = log.Split('\n').LastOrDefault(l => l.Contains(part, StringComparison.Ordinal)) ?? "";
            return line.Length > 0;
        });
        return line;
    }

    public static async Task UntilAsync(Func<Task<bool>> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience.Limit, "What was waited for did not happen.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }

    private static string Escaped(string text) => System.Text.Json.JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
}
