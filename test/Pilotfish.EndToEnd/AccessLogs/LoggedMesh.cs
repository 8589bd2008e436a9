using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pilotfish.EndToEnd.Local;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>
/// The services of the bookinfo sample by name, port and label, played by scripts that do what goes wrong on request; shared by the tests
/// of access logs, which change its mesh configuration as it runs.
/// </summary>
public sealed class LoggedMesh : IAsyncLifetime
{
    private const string Objects = """
        apiVersion: v1
        kind: Namespace
        metadata: {name: default, labels: {istio-injection: enabled}}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {name: other, labels: {istio-injection: enabled}}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: details}
        spec: {hosts: [details], http: [{name: only, match: [{uri: {prefix: /details}}], route: [{destination: {host: details}}]}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: ratings}
        spec:
          hosts: [ratings]
          http:
          - {name: hasty, match: [{uri: {prefix: /slow}}], timeout: 0.5s, route: [{destination: {host: ratings}}]}
          - {name: once, retries: {attempts: 0}, route: [{destination: {host: ratings}}]}
        """;

    // By path: what a server does to a client.
    private const string Server = """
        use IO::Socket::INET; use Socket; $SIG{CHLD} = q(IGNORE);
        $s = IO::Socket::INET->new(LocalPort => 9080, Listen => 50, ReuseAddr => 1) or die;
        while ($c = $s->accept) { if (fork) { close $c; next } while (defined($l = <$c>)) { $p = $1 if $l =~ m{^GET (\S+) }; next unless $l =~ /^\r?$/;
        if ($p =~ /reset/) { setsockopt($c, SOL_SOCKET, SO_LINGER, pack(q(II), 1, 0)); close $c; exit }
        if ($p =~ /garbage/) { print $c qq(garbage\r\n\r\n); $c->flush; close $c; exit }
        if ($p =~ /half/) { print $c qq(HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf); $c->flush; select undef, undef, undef, 0.2; close $c; exit }
        if ($p =~ /slow/) { print STDERR qq($p\n); select undef, undef, undef, 2 }
        $st = $p =~ /missing/ ? q(404 Not Found) : q(200 OK);
        print $c qq(HTTP/1.1 $st\r\ncontent-length: 3\r\n\r\nok\n); $c->flush } exit }
        """;

    private const string Echo = """
        use IO::Socket::INET; $SIG{CHLD} = q(IGNORE); $s = IO::Socket::INET->new(LocalPort => 9000, Listen => 50, ReuseAddr => 1) or die;
        while ($c = $s->accept) { if (fork) { close $c; next } while (sysread($c, $b, 4096)) { syswrite($c, $b) } exit }
        """;

    private readonly Dictionary<string, string> _addresses = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("pilotfish-logged-").FullName;

    /// <summary>Addresses of pods by name, and of services by "svc." and their name.</summary>
    public IReadOnlyDictionary<string, string> Addresses => _addresses;

    public async ValueTask InitializeAsync()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "perl", "curl");
        Write("mesh.yaml", Objects
            + Pod("productpage", "default", ["sleep", "infinity"]) + Pod("reviews", "default", ["perl", "-e", Server])
            + Pod("echo", "other", ["perl", "-e", Echo])
            + Pod("closed", "default", ["sleep", "infinity"], injected: false) + Pod("stray", "default", ["perl", "-e", Server], injected: false)
            + Service("reviews", "reviews", 9080, "http") + Service("details", "reviews", 9080, "http") + Service("ratings", "reviews", 9080, "http")
            + Service("unbound", "reviews", 9080, "http", 9081) + Service("closed", "closed", 9080, "http")
            + Service("echo", "echo", 9000, "tcp", space: "other"));
        Configure("accessLogFile: /dev/stdout");
        var up = await Executable.RunAsync("up", Folder, "--detach");
        Assert.True(up.ExitCode == 0, up.Output + up.Error);
        foreach (string pod in (string[])["productpage", "reviews", "closed", "stray", "other/echo"])
        {
            string name = pod.Split('/')[^1];
            _addresses[name] = (await ExecAsync(pod, "ip -4 -o addr show scope global | sed 's/.*inet //; s/[/].*//'")).Trim();
        }

        foreach (string service in (string[])["reviews", "details", "ratings", "unbound", "closed", "echo.other"])
        {
            string found = await ExecAsync("productpage", $"getent hosts {service}");
            _addresses["svc." + service.Split('.')[0]] = found.Split(' ')[0];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Executable.RunAsync("down", Folder);
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>The mesh configuration, key `mesh`, and Telemetry objects; live.</summary>
    public void Configure(string mesh, string telemetry = "") => Write("config.yaml", $$"""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: istio, namespace: istio-system}
        data: {mesh: {{Quoted(mesh)}}}
        ---
        {{telemetry}}
        """);

    public async Task<string> ExecAsync(string pod, string script, string container = "app")
    {
        var result = await Executable.RunAsync("exec", pod, "-c", container, "--mesh", Folder, "--", "sh", "-c", script);
        return result.Output + result.Error;
    }

    /// <summary>All that a pod's sidecar, or another container, logged so far.</summary>
    public async Task<string[]> LogAsync(string pod, string container = "istio-proxy") =>
        (await Executable.RunAsync("logs", pod, "-c", container, "--mesh", Folder)).Output.Split('\n');

    /// <summary>The last line of a log, the sidecar's unless named, that holds a text; waits for it.</summary>
    public async Task<string> LineAsync(string pod, string part, string container = "istio-proxy")
    {
        string line = "";
        await FaultyMesh.UntilAsync(async () =>
        {
            line = (await LogAsync(pod, container)).LastOrDefault(l => l.Contains(part, StringComparison.Ordinal)) ?? "";
            return line.Length > 0;
        });
        return line;
    }

    /// <summary>Waits until a sidecar's listeners are what a change makes of them.</summary>
    public Task UntilListenersAsync(string pod, Func<string, bool> are) => FaultyMesh.UntilAsync(async () =>
        are(await ExecAsync(pod, "pilot-agent request GET 'config_dump?resource=dynamic_listeners'", "istio-proxy")));

    private static string Pod(string name, string space, string[] command, bool injected = true) => $$"""

        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
          namespace: {{space}}
          labels: {app: {{name}}, sidecar.istio.io/inject: "{{(injected ? "true" : "false")}}"}
          annotations: {proxy.istio.io/config: "concurrency: 1"}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: app
            command: [{{string.Join(", ", command.Select(Quoted))}}]
            securityContext: {runAsUser: 1000}
        """;

    private static string Service(string name, string app, int port, string portName, int? target = null, string space = "default") => $$"""

        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: {{space}}}
        spec: {selector: {app: {{app}}}, ports: [{name: {{portName}}, port: {{port}}, targetPort: {{target ?? port}}}]}
        """;

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    // A rename, so that no reader sees half a file.
    private void Write(string name, string text)
    {
        File.WriteAllText(Path.Combine(Folder, "." + name), text, new UTF8Encoding(false));
        File.Move(Path.Combine(Folder, "." + name), Path.Combine(Folder, name), overwrite: true);
    }
}
