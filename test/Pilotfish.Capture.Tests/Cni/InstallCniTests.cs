using System.Text.Json.Nodes;
using Pilotfish.Capture.Cni;
using Pilotfish.Capture.Cni.Install;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Tests.Cni;

public sealed class InstallCniTests : IDisposable
{
    private const string Chain = """
        {"cniVersion": "0.4.0", "name": "cbr0", "disableCheck": true,
         "plugins": [{"type": "flannel", "delegate": {"isDefaultGateway": true}}, {"type": "portmap", "capabilities": {"portMappings": true}}]}
        """;

    private readonly string _root = Directory.CreateTempSubdirectory("pilotfish-install-").FullName;
    private readonly StringWriter _log = new() { NewLine = "\n" };

    public InstallCniTests()
    {
        foreach (string folder in new[] { "net.d", "bin", "run", "account" })
        {
            Directory.CreateDirectory(At(folder));
        }

        File.WriteAllText(At("pilotfish"), "the program");
        File.WriteAllText(At("account/token"), "token-1\n");
        File.WriteAllText(At("account/ca.crt"), "-----BEGIN CERTIFICATE-----\n");
    }

    private string Binary => At("bin/istio-cni");

    private string Kubeconfig => At("run/istio-cni-kubeconfig");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Install_ListOfAnother_AppendsToItAndKeepsTheRest()
    {
        Write("10-flannel.conflist", Chain);

        Assert.True(Installer().Install());

        JsonObject chain = Json("10-flannel.conflist");
        Assert.Equal(["flannel", "portmap", "istio-cni"], Types(chain));
        Assert.Equal("0.4.0", chain["cniVersion"]!.ToString());
        Assert.True(chain["disableCheck"]!.GetValue<bool>());
        JsonNode entry = chain["plugins"]![2]!;
        Assert.Null(entry["cniVersion"]);
        Assert.Equal(At("run"), entry["cni_agent_run_dir"]!.ToString());
        Assert.Equal("the program", File.ReadAllText(Binary));
        Assert.True(new FileInfo(Binary).UnixFileMode.HasFlag(UnixFileMode.OtherExecute));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(Kubeconfig).UnixFileMode);
        Assert.Empty(Directory.EnumerateFiles(_root, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void Install_SinglePlugin_BecomesAListInItsPlace()
    {
        Write("10-bridge.conf", """{"cniVersion": "0.3.1", "name": "b", "type": "bridge"}""");

        Assert.True(Installer().Install());

        Assert.False(File.Exists(At("net.d/10-bridge.conf")));
        JsonObject chain = Json("10-bridge.conflist");
        Assert.Equal("k8s-pod-network", chain["name"]!.ToString());
        Assert.Equal(["bridge", "istio-cni"], Types(chain));
    }

    [Fact]
    public void Install_FirstFilesAreInvalid_TakesTheFirstValidOne()
    {
        Write("00-broken.conflist", "{");
        Write("01-list-named.conf", Chain);
        Write("02-empty.conflist", """{"plugins": []}""");
        Write("03-notes.txt", "x");
        Write("20-z.conflist", Chain);
        Write("10-a.conflist", Chain);

        Installer().Install();

        Assert.Equal(["flannel", "portmap", "istio-cni"], Types(Json("10-a.conflist")));
        Assert.Equal(["flannel", "portmap"], Types(Json("20-z.conflist")));
    }

    [Fact]
    public void Install_Again_WritesNothing()
    {
        Write("10-flannel.conflist", Chain);
        CniInstaller installer = Installer();
        installer.Install();
        Dictionary<string, DateTime> before = Times();
        _log.GetStringBuilder().Clear();

        Assert.True(installer.Install());

        Assert.Equal(before, Times());
        Assert.Empty(_log.ToString());
    }

    public static TheoryData<string, string?> Drifts() => new()
    {
        { "net.d/10-flannel.conflist", Chain },
        { "bin/istio-cni", "something else" },
        { "bin/istio-cni", null },
        { "run/istio-cni-kubeconfig", "x" },
        { "run/istio-cni-kubeconfig", null },
    };

    [Theory]
    [MemberData(nameof(Drifts))]
    public void Install_AfterDrift_PutsItselfBack(string file, string? content)
    {
        Write("10-flannel.conflist", Chain);
        CniInstaller installer = Installer();
        installer.Install();
        string wanted = File.ReadAllText(At(file));
        if (content is null)
        {
            File.Delete(At(file));
        }
        else
        {
            File.WriteAllText(At(file), content);
        }

        installer.Install();

        Assert.Equal(wanted, File.ReadAllText(At(file)));
    }

    [Fact]
    public void Install_OurEntryIsOutdated_IsReplacedOnce()
    {
        Write("10-flannel.conflist", Chain);
        Installer().Install();

        Installer("--exclude-namespaces", "kube-system, istio-system").Install();

        JsonObject chain = Json("10-flannel.conflist");
        Assert.Equal(["flannel", "portmap", "istio-cni"], Types(chain));
        Assert.Equal(
            ["kube-system", "istio-system"], chain["plugins"]![2]!["exclude_namespaces"]!.AsArray().Select(n => n!.ToString()));
    }

    [Fact]
    public void Install_TokenIsReplaced_IsInTheKubeconfig()
    {
        Write("10-flannel.conflist", Chain);
        CniInstaller installer = Installer();
        installer.Install();
        File.WriteAllText(At("account/token"), "token-2");

        installer.Install();

        Assert.Contains("token-2", File.ReadAllText(Kubeconfig), StringComparison.Ordinal);
        Assert.Contains("server: \"https://[fd00::1]:443\"", File.ReadAllText(Kubeconfig), StringComparison.Ordinal);
    }

    [Fact]
    public void Install_OwnedConfig_LeavesTheOtherFileAlone()
    {
        Write("10-flannel.conflist", Chain);
        CniInstaller installer = Installer("--istio-owned-cni-config");

        Assert.True(installer.Install());

        Assert.Equal(Chain, File.ReadAllText(At("net.d/10-flannel.conflist")));
        Assert.Equal(["flannel", "portmap", "istio-cni"], Types(Json("02-istio-cni.conflist")));

        Write("10-flannel.conflist", Chain.Replace("portmap", "bandwidth", StringComparison.Ordinal));
        installer.Install();
        Assert.Equal(["flannel", "bandwidth", "istio-cni"], Types(Json("02-istio-cni.conflist")));

        installer.CleanUp();
        Assert.Equal(["10-flannel.conflist"], Directory.EnumerateFiles(At("net.d")).Select(Path.GetFileName));
    }

    [Fact]
    public void Install_Standalone_WritesItsOwnFile()
    {
        Assert.True(Installer("--chained-cni-plugin=false").Install());

        JsonObject own = Json("YYY-istio-cni.conf");
        Assert.Equal("istio-cni", own["type"]!.ToString());
        Assert.Equal("0.3.1", own["cniVersion"]!.ToString());
    }

    [Fact]
    public void Install_NoNetworkYet_IsNotReadyButEverythingElseIsThere()
    {
        Assert.False(Installer().Install());

        Assert.True(File.Exists(Binary));
        Assert.True(File.Exists(Kubeconfig));
        Assert.Contains("waiting for a network configuration", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void CleanUp_AfterInstall_RestoresTheNode()
    {
        Write("10-flannel.conflist", Chain);
        CniInstaller installer = Installer();
        installer.Install();

        installer.CleanUp();

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Chain), Json("10-flannel.conflist")));
        Assert.Empty(Directory.EnumerateFiles(At("bin")));
        Assert.Empty(Directory.EnumerateFiles(At("run")));
    }

    [Theory]
    [InlineData("--cni-conf-name", "../x")]
    [InlineData("--kubeconfig-mode", "rw")]
    [InlineData("--cni-network-config", "{}")]
    [InlineData("--istio-owned-cni-config-filename", "x.txt")]
    public void Flag_ThatIsWrong_IsNamed(string flag, string value)
    {
        Write("10-flannel.conflist", Chain);

        CaptureException e = Assert.Throws<CaptureException>(() => Installer("--istio-owned-cni-config", flag, value).Install());

        Assert.Contains(flag, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_ThatIsMissing_IsNamedWithAdvice()
    {
        Directory.Delete(At("bin"));

        CaptureException e = Assert.Throws<CaptureException>(() => Installer().Install());

        Assert.Contains("mounted into this pod", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_Runs_UntilToldThenCleansUp()
    {
        Write("10-flannel.conflist", Chain);
        using var ending = new CancellationTokenSource();
        var port = new TaskCompletionSource<int>();
        Task<int> running = Task.Factory.StartNew(
            () => InstallCniCommand.Run(Args(), Environment(), TextWriter.Null, _log, port.SetResult, ending.Token),
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{await port.Task}") };

        await Until(async () => (int)(await http.GetAsync("/readyz")).StatusCode == 200);
        File.WriteAllText(At("net.d/10-flannel.conflist"), Chain);
        await Until(() => Task.FromResult(File.ReadAllText(At("net.d/10-flannel.conflist")).Contains("istio-cni", StringComparison.Ordinal)));
        Assert.Equal(404, (int)(await http.GetAsync("/other", TestContext.Current.CancellationToken)).StatusCode);
        await ending.CancelAsync();

        Assert.Equal(0, await running);
        Assert.Equal(["flannel", "portmap"], Types(Json("10-flannel.conflist")));
        Assert.False(File.Exists(Binary));
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        while (!await condition())
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private CniInstaller Installer(params string[] more) => new(
        InstallOptions.Read(FlagParser.Parse(InstallFlags.All, [.. Args(), .. more], Environment()), Environment()), _log);

    private string[] Args() =>
    [
        "--mounted-cni-net-dir", At("net.d"), "--mounted-cni-bin-dir", At("bin"), "--cni-agent-run-dir", At("run"),
        "--service-account-dir", At("account"), "--cni-bin-source", At("pilotfish"), "--readiness-port", "0",
    ];

    private static Dictionary<string, string> Environment() => new()
    {
        ["KUBERNETES_SERVICE_HOST"] = "fd00::1",
        ["KUBERNETES_SERVICE_PORT"] = "443",
    };

    private Dictionary<string, DateTime> Times() =>
        Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);

    private string At(string path) => Path.Combine(_root, path);

    private void Write(string name, string text) => File.WriteAllText(At("net.d/" + name), text);

    private JsonObject Json(string name) => JsonNode.Parse(File.ReadAllText(At("net.d/" + name)))!.AsObject();

    private static IEnumerable<string> Types(JsonObject chain) => chain["plugins"]!.AsArray().Select(p => p!["type"]!.ToString());
}
