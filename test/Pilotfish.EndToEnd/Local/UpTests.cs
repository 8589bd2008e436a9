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
            Assert.Contains("in plaintext", up.Output, StringComparison.Ordinal);
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
        var down = await Executable.RunAsync("down", _mesh);
        Assert.Contains("removed what 1 killed mesh had left", down.Output, StringComparison.Ordinal);
        Assert.Equal(0, down.ExitCode);
        AssertRemoved(folder);
    }

    [Fact]
    public async Task Up_AfterAKilledOne_RemovesItsRestAndRuns()
    {
        using Process killed = Executable.Start("up", _mesh);
        (string folder, _) = await UntilRunningAsync();
        killed.Kill();
        await killed.WaitForExitAsync(TestContext.Current.CancellationToken);

        var up = await Executable.RunAsync("up", _mesh, "--detach");
        try
        {
            Assert.True(up.ExitCode == 0, up.Output + up.Error);
            Assert.Contains("removed what 1 killed mesh had left", up.Output, StringComparison.Ordinal);
            AssertRemoved(folder);
        }
        finally
        {
            await Executable.RunAsync("down", _mesh);
        }
    }

    [Fact]
    public async Task Up_OfAFolderThatRuns_IsRefusedAndTheFirstGoesOn()
    {
        var both = await Task.WhenAll(Executable.RunAsync("up", _mesh, "--detach"), Executable.RunAsync("up", _mesh, "--detach"));
        try
        {
            Assert.Equal([0, 1], both.Select(up => up.ExitCode).Order());
            var refused = both.Single(up => up.ExitCode == 1);
            Assert.Contains($"The folder '{_mesh}' runs as a mesh already", refused.Error + refused.Output, StringComparison.Ordinal);

            string link = _mesh + "-link";
            Directory.CreateSymbolicLink(link, _mesh);
            var third = await Executable.RunAsync("up", link);
            Directory.Delete(link);
            Assert.Equal(1, third.ExitCode);
            Assert.Contains("runs as a mesh already (id ", third.Error, StringComparison.Ordinal);
            Assert.Equal("web\n", (await Executable.RunAsync("get", _mesh, "--names")).Output);
        }
        finally
        {
            await Executable.RunAsync("down", _mesh);
        }
    }

    [Fact]
    public async Task TwoFolders_AtOnce_AreTwoMeshes_AndNoCommandGuessesBetweenThem()
    {
        string other = Directory.CreateTempSubdirectory("pilotfish-up-").FullName;
        await File.WriteAllTextAsync(
            Path.Combine(other, "mesh.yaml"), Manifests.Replace("name: web", "name: two"), TestContext.Current.CancellationToken);
        try
        {
            var ups = await Task.WhenAll(Executable.RunAsync("up", _mesh, "--detach"), Executable.RunAsync("up", other, "--detach"));
            Assert.All(ups, up => Assert.True(up.ExitCode == 0, up.Output + up.Error));
            Assert.Equal("web\n", (await Executable.RunAsync("get", _mesh, "--names")).Output);
            Assert.Equal("two\n", (await Executable.RunAsync("get", other, "--names")).Output);

            var unclear = await Executable.RunInAsync("/", "down");
            Assert.Equal(1, unclear.ExitCode);
            Assert.Contains(_mesh, unclear.Error, StringComparison.Ordinal);
            Assert.Contains(other, unclear.Error, StringComparison.Ordinal);
            Assert.Contains("'pilotfish down --all' removes all", unclear.Error, StringComparison.Ordinal);

            var version = await Executable.RunInAsync(other, "version");
            Assert.Equal(0, version.ExitCode);
            Assert.Matches(@"^client version: (\S+)\ncontrol plane version: \1\ndata plane version: ", version.Output);

            Assert.Equal(0, (await Executable.RunInAsync(other, "down")).ExitCode);
            Assert.Equal("web\n", (await Executable.RunInAsync("/", "get", "--names")).Output);
        }
        finally
        {
            await Executable.RunAsync("down", _mesh);
            await Executable.RunAsync("down", other);
            Directory.Delete(other, recursive: true);
        }

        Assert.Equal((0, $"no mesh of {_mesh} is running\n", ""), await Executable.RunAsync("down", _mesh));
        Assert.Equal(1, (await Executable.RunAsync("down", _mesh + "x")).ExitCode);
    }

    [Theory]
    [InlineData("no command", 64, "a command is needed, such as 'pilotfish up DIR'")]
    [InlineData("unknown command", 64, "'upp' is no command of 'pilotfish'. Did you mean 'up'?", "upp")]
    [InlineData("no folder named", 64, "Required argument 'DIR' missing", "up")]
    [InlineData("misspelt option", 64, "'--nmaes' is no option of 'pilotfish get'. Did you mean '--names'?", "get", "--nmaes")]
    [InlineData("misspelt option of up", 64, "'--detahc' is no option of 'pilotfish up'. Did you mean '--detach'?", "up", "--detahc")]
    [InlineData("two folders", 64, "'b' is no argument of 'pilotfish down'", "down", "a", "b")]
    [InlineData("a folder and all", 1, "'--all' and '/x' contradict each other", "down", "/x", "--all")]
    [InlineData("no format", 1, "--output must be 'yaml' or 'json'", "version", "-o", "toml")]
    [InlineData("no such folder", 1, "There is no folder '/nonexistent'", "up", "/nonexistent")]
    [InlineData("a file", 1, "is a file; 'up' takes the folder", "up", "/proc/version")]
    [InlineData("no port", 1, "must be PORT:SERVICE:PORT", "up", "/proc/self", "--publish", "80")]
    public async Task WrongCommand_IsToldWhatIsWrong(string label, int exitCode, string sentence, params string[] words)
    {
        var result = await Executable.RunAsync(words);
        Assert.True(result.ExitCode == exitCode, $"{label}: {result.ExitCode}");
        Assert.Contains(sentence, result.Error, StringComparison.Ordinal);
        Assert.True(exitCode != 64 || result.Error.Trim().Split('\n').Length == 1, result.Error);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task UpDetach_InterruptedWhileItStarts_LeavesNothing()
    {
        using Process up = Executable.Start("up", _mesh, "--detach");
        string[] mine = [];
        await UntilAsync(() => (mine = Folders()).Length > 0 && File.Exists(Path.Combine(mine[0], "mesh.json")));

        ProcessSignal.TrySend(up.Id, ProcessSignal.SIGINT);
        await up.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(130, up.ExitCode);
        AssertRemoved(mine[0]);
    }

    [Fact]
    public async Task BadFile_IsReportedWithItsPlace_AndTheLastGoodStateStays()
    {
        string route = Path.Combine(_mesh, "route.yaml");
        const string Good = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}\n";
        await File.WriteAllTextAsync(route, Good, TestContext.Current.CancellationToken);
        var up = await Executable.RunAsync("up", _mesh, "--detach");
        try
        {
            Assert.True(up.ExitCode == 0, up.Output + up.Error);

            // A field that only the control plane can judge, then YAML that nobody can read.
            await File.WriteAllTextAsync(route, Good.Replace("host: web}", "host: web}, weight: much"), TestContext.Current.CancellationToken);
            await UntilProblemAsync($"{route}:4:");
            await File.WriteAllTextAsync(Path.Combine(_mesh, "mesh.yaml"), "kind: [\n", TestContext.Current.CancellationToken);
            await UntilProblemAsync($"{_mesh}/mesh.yaml:2:1: ");
            Assert.Equal("web\n", (await Executable.RunAsync("get", _mesh, "--names")).Output);

            await File.WriteAllTextAsync(route, Good, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(_mesh, "mesh.yaml"), Manifests, TestContext.Current.CancellationToken);
            await UntilProblemAsync(null);
        }
        finally
        {
            await Executable.RunAsync("down", _mesh);
        }
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
        AssertRemoved(folder);
    }

    public void Dispose() => Directory.Delete(_mesh, recursive: true);

    private static void AssertRemoved(string folder)
    {
        Assert.False(Directory.Exists(folder));
        Assert.False(File.Exists($"/run/netns/pf-{Path.GetFileName(folder)}-node"));
    }

    private static string[] Folders() => Directory.Exists("/run/pilotfish") ? Directory.GetDirectories("/run/pilotfish") : [];

    /// <summary>Null: until there is none.</summary>
    private async Task UntilProblemAsync(string? wanted)
    {
        string shown = "";
        await UntilAsync(async () =>
        {
            shown = (await Executable.RunAsync("get", _mesh)).Error;
            return wanted is null ? shown.Length == 0 : shown.Contains("problem: " + wanted, StringComparison.Ordinal);
        });
    }

    private async Task<(string Folder, JsonNode Description)> UntilRunningAsync()
    {
        (string Folder, JsonNode Description)? found = null;
        await UntilAsync(() => (found = Find()) is not null);
        return found!.Value;
    }

    private (string Folder, JsonNode Description)? Find()
    {
        foreach (string folder in Folders())
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

    private static Task UntilAsync(Func<bool> reached) => UntilAsync(() => Task.FromResult(reached()));

    private static async Task UntilAsync(Func<Task<bool>> reached)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience.Limit, "What was waited for did not happen.");
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
