using System.Diagnostics;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Testing;

namespace Pilotfish.Local.Tests.Kubelet;

/// <summary>Processes in namespaces of their own, as a container has them, looked at from outside.</summary>
public sealed class SidecarRivalsTests : IDisposable
{
    // Prints when it listens, and stays.
    private const string Listen =
        "use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(PORT, INADDR_ANY)) or die; listen(S, 5); $| = 1; print qq(ready\\n); sleep 1000";

    private const string ListenSixth = "use Socket qw(:all); socket(S, PF_INET6, SOCK_STREAM, 0); "
        + "bind(S, pack_sockaddr_in6(PORT, IN6ADDR_ANY)) or die; listen(S, 5); $| = 1; print qq(ready\\n); sleep 1000";

    private const string Quiet = "echo ready; exec sleep 1000";
    private readonly List<Process> _started = [];
    private readonly string _log = Path.GetTempFileName();

    [Theory]
    [InlineData("an app that minds its business", Quiet, "")]
    [InlineData("the sidecar's user", "exec setpriv --reuid 1337 --clear-groups sh -c 'echo ready; exec sleep 1000'", "user or group 1337")]
    [InlineData("the sidecar's group", "exec setpriv --regid 1337 --clear-groups sh -c 'echo ready; exec sleep 1000'", "user or group 1337")]
    [InlineData("a child with the sidecar's user", "setpriv --reuid 1337 --clear-groups sh -c 'echo ready; exec sleep 1000' & wait", "user or group 1337")]
    [InlineData("the outbound port", "exec perl -e 'LISTEN15001'", "port 15001")]
    [InlineData("the inbound port, by a child", "perl -e 'LISTEN15006' & wait", "port 15006")]
    [InlineData("the inbound port of IPv6 alone", "exec perl -e 'SIXTH15006'", "port 15006")]
    [InlineData("a port like any other", "exec perl -e 'LISTEN8080'", "")]
    public async Task RunningApp_ThatTakesWhatItsSidecarNeeds_IsNamedWithItsPlace(string label, string script, string expected)
    {
        int pid = await StartAsync(script);

        string[] found = [.. SidecarRivals.Of(Container(pid, ContainerPhase.Running, 0), ProcessTable.ByMountNamespace())];

        Assert.Equal((label, expected.Length > 0 ? 1 : 0), (label, found.Length));
        Assert.All(found, sentence => Assert.StartsWith("f.yaml:6:5: Container 'app' ", sentence, StringComparison.Ordinal));
        Assert.All(found, sentence => Assert.Contains(expected, sentence, StringComparison.Ordinal));
    }

    // In its own containers the sidecar holds both ports, as its own user.
    [Fact]
    public async Task SidecarBesideTheApp_IsNoRivalOfItself()
    {
        int app = await StartAsync(Quiet);
        await StartAsync("nsenter --net=/proc/" + app + "/ns/net setpriv --reuid 1337 --clear-groups perl -e 'LISTEN15001'");

        Assert.Empty(SidecarRivals.Of(Container(app, ContainerPhase.Running, 0), ProcessTable.ByMountNamespace()));
    }

    [Theory]
    [InlineData("Go", "listen tcp :15001: bind: address already in use", 1, 1)]
    [InlineData("Node.js", "Error: listen EADDRINUSE: address already in use :::15006", 1, 1)]
    [InlineData("another port", "listen tcp :8080: bind: address already in use", 1, 0)]
    [InlineData("another complaint", "cannot reach 10.0.0.1:15001", 1, 0)]
    [InlineData("ended well", "listen tcp :15001: bind: address already in use", 0, 0)]
    public void EndedApp_WhoseLastWordsNameThePort_IsNamed(string label, string words, int exitCode, int expected)
    {
        File.WriteAllText(_log, new string('x', 10_000) + "\n" + words + "\n");

        Assert.Equal((label, expected), (label, SidecarRivals.Of(
            Container(0, ContainerPhase.BackOff, exitCode), ProcessTable.ByMountNamespace()).Count()));
    }

    public void Dispose()
    {
        foreach (Process process in _started)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        File.Delete(_log);
    }

    private RunningContainer Container(int pid, ContainerPhase phase, int exitCode)
    {
        const string manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: app\n    command: [x]\n";
        ContainerSpec spec = PodSpecReader.Read((YamlMapping)YamlDocuments.Parse(manifest, "f.yaml").Documents[0], "uid").Containers[0];
        return new RunningContainer(spec, phase, exitCode, pid == 0 ? null : ProcessTable.MountNamespace(pid), _log);
    }

    private async Task<int> StartAsync(string script)
    {
        Prerequisite.Root();
        Prerequisite.Program("unshare", "setpriv", "perl", "nsenter");
        foreach (string port in (string[])["15001", "15006", "8080"])
        {
            script = script
                .Replace("LISTEN" + port, Listen.Replace("PORT", port, StringComparison.Ordinal), StringComparison.Ordinal)
                .Replace("SIXTH" + port, ListenSixth.Replace("PORT", port, StringComparison.Ordinal), StringComparison.Ordinal);
        }

        Process process = Process.Start(new ProcessStartInfo("unshare", ["--net", "--mount", "--", "sh", "-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        _started.Add(process);
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        return process.Id;
    }
}
