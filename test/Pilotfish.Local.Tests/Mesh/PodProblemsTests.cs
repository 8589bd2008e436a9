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
