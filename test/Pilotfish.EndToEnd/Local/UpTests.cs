using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Local;

/// <summary>The commands of the mesh on one machine, as a person uses them.</summary>
[Collection("Meshes")]
public sealed class UpTests : IDisposable
{
    private const string Manifests = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: web}}
        spec:
          terminationGracePeriodSeconds: 2
          containers:
          - name: app
            command: ["perl", "-MIO::Socket::INET", "-e", "$| = 1; print qq(serving\n); $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1); while ($c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c qq(HTTP/1.1 200 OK\\r\\nconnection: close\\r\\n\\r\\nhello); close $c }"]
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          selector: {app: web}
          ports: [{name: http, port: 80, targetPort: 8080}]
        """;

    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    private readonly string _mesh = Directory.CreateTempSubdirectory("pilotfish-up-").FullName;

    public UpTests()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "iptables", "nsenter", "unshare", "perl");
        File.WriteAllText(Path.Combine(_mesh, "mesh.yaml"), Manifests);
    }

    [Fact]
    public async Task Commands_OfARunningMesh_DoWhatTheySay()
    {
        int port = FreePort();
        var up = await Executable.RunAsync("up", _mesh, "--detach", "--publish", $"{port}:web:80");
        try
        {
            Assert.True(up.ExitCode == 0, up.Output + up.Error);
            Assert.Equal("web\n", (await Executable.RunAsync("get", _mesh, "--names")).Output);
            Assert.Contains("1/1", (await Executable.RunAsync("get", _mesh)).Output, StringComparison.Ordinal);
            Assert.Equal("serving\n", (await Executable.RunAsync("logs", "web", "--mesh", _mesh)).Output);
            Assert.Equal(7, (await Executable.RunAsync("exec", "web", "--mesh", _mesh, "--", "sh", "-c", "exit 7")).ExitCode);
            using var client = new HttpClient();
            Assert.Equal("hello", await client.GetStringAsync($"http://127.0.0.1:{port}/", TestContext.Current.CancellationToken));
        }
        finally
        {
            Assert.Equal(0, (await Executable.RunAsync("down", _mesh)).ExitCode);
        }

        Assert.Equal(1, (await Executable.RunAsync("get", _mesh)).ExitCode);
    }

    [Fact]
    public async Task Up_Killed_PodsDieAndDownRemovesTheRest()
    {
        using Process up = Executable.Start("up", _mesh);
        (string folder, JsonNode description) = await UntilRunningAsync();
        int[] pids = [.. description["pods"]!.AsArray().SelectMany(p => p!["containers"]!.AsArray()).Select(c => (int)c!["pid"]!)];
        Assert.All(pids, pid => Assert.True(Directory.Exists($"/proc/{pid}")));

        up.Kill();

        await UntilAsync(() => pids.All(pid => !Directory.Exists($"/proc/{pid}")));
        Assert.Contains("removed what", (await Executable.RunAsync("down")).Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
        Assert.False(File.Exists($"/run/netns/pf-{Path.GetFileName(folder)}-node"));
    }

    [Theory]
    [InlineData(ProcessSignal.SIGINT)]
    [InlineData(ProcessSignal.SIGTERM)]
    public async Task Up_Interrupted_RemovesEverything(int signal)
    {
        using Process up = Executable.Start("up", _mesh);
        (string folder, _) = await UntilRunningAsync();

        ProcessSignal.TrySend(up.Id, signal);
        await up.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, up.ExitCode);
        Assert.False(Directory.Exists(folder));
        Assert.False(File.Exists($"/run/netns/pf-{Path.GetFileName(folder)}-node"));
    }

    public void Dispose() => Directory.Delete(_mesh, recursive: true);

    private async Task<(string Folder, JsonNode Description)> UntilRunningAsync()
    {
        (string Folder, JsonNode Description)? found = null;
        await UntilAsync(() => (found = Find()) is not null);
        return found!.Value;
    }

    private (string Folder, JsonNode Description)? Find()
    {
        foreach (string folder in Directory.Exists("/run/pilotfish") ? Directory.GetDirectories("/run/pilotfish") : [])
        {
            string file = Path.Combine(folder, "mesh.json");
            JsonNode? description = File.Exists(file) ? JsonNode.Parse(File.ReadAllText(file)) : null;
            if ((string?)description?["directory"] == _mesh && (string?)description?["phase"] == "running")
            {
                return (folder, description!);
            }
        }

        return null;
    }

    private static async Task UntilAsync(Func<bool> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (!reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < s_deadline, "What was waited for did not happen.");
            await Task.Delay(s_poll, TestContext.Current.CancellationToken);
        }
    }

    private static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }
}
