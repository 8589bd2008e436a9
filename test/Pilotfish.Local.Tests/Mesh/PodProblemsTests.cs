namespace Pilotfish.Local.Tests.Mesh;

/// <summary>What pods do against their sidecars is a problem of the mesh. The sidecar is a stand-in.</summary>
public sealed class PodProblemsTests
{
    [Fact]
    public async Task AppRunsAsTheSidecarsUser_StandsUntilItsPodIsReplaced()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(Pod("setpriv --reuid 1337 --clear-groups sleep 1000"), waitUntilUp: false);

        string report = await mesh.UntilReportAsync("runs as user or group 1337");

        Assert.Contains("mesh.yaml:7:5: Container 'app'", report, StringComparison.Ordinal);
        await mesh.UntilAsync(d => d.Problems.Contains(report));
        mesh.Write(Pod("sleep 1000"));
        await mesh.UntilReportAsync("every problem is mended");
    }

    [Fact]
    public async Task AppEndsForWantOfThePort_IsToldOnceHoweverOftenItIsRestarted()
    {
        await using RunningMesh mesh = await RunningMesh.StartAsync(
            Pod("echo 'listen tcp :15001: bind: address already in use' >&2; exit 1"), waitUntilUp: false);

        await mesh.UntilReportAsync("listens on port 15001");
        await mesh.UntilReportAsync("restart 2 in");

        Assert.Single(mesh.Reports, static report => report.Contains("listens on port", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ProgramOfTheFolderIsMissing_IsNamedWithWhatMakesIt()
    {
        const string Pod = """
            apiVersion: v1
            kind: Pod
            metadata: {name: p}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: app
                command: [bin/app, x]
            """;
        await using RunningMesh mesh = await RunningMesh.StartAsync(Pod, waitUntilUp: false);

        string without = await mesh.UntilReportAsync("restart 1 in");
        File.WriteAllText(Path.Combine(mesh.Directory, "build.sh"), "");
        string with = await mesh.UntilReportAsync("restart 2 in");

        const string Ended = "container app ended with exit code 127: its program 'bin/app' is missing in ";
        Assert.Contains($"{Ended}{mesh.Directory}; put it there (commands are relative to the manifests' folder); restart 1", without, StringComparison.Ordinal);
        Assert.Contains($"{Ended}{mesh.Directory}; run '{mesh.Directory}/build.sh', which makes it; restart 2", with, StringComparison.Ordinal);
    }

    private static string Pod(string script) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: app
            command: [sh, -c, {{System.Text.Json.JsonSerializer.Serialize(script)}}]
          - name: istio-proxy
            command: [sleep, "1000"]
        """;
}
