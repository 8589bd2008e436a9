using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.EndToEnd.Local;

/// <summary>What goes wrong in a running mesh, as its users see it.</summary>
[Collection("Meshes")]
public sealed class FaultyMeshTests(FaultyMesh mesh) : IClassFixture<FaultyMesh>
{
    [Theory]
    [InlineData("service without pods", "empty", "UH", "no_healthy_upstream")]
    [InlineData("subset without pods", "subset", "UH", "no_healthy_upstream")]
    [InlineData("route to an unknown host", "lost", "NC", "cluster_not_found")]
    public async Task Route_ThatLeadsNowhere_Is503WithItsFlag(string label, string host, string flag, string details)
    {
        Assert.True(await mesh.StatusAsync($"http://{host}/{host}") == "503", label);
        string line = await mesh.LogLineAsync("client", $"/{host} ");
        Assert.Contains($"\" 503 {flag} {details} ", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task App_ThatBindsLate_IsRefusedUntilItDoesAndThenServed()
    {
        Assert.Equal("503", await mesh.StatusAsync("http://late/before"));
        string refused = await mesh.LogLineAsync("late", "/before ");
        Assert.Matches("\" 503 UF(,URX)? upstream_reset_before_response_started", refused);

        await mesh.ExecAsync("late", "touch /tmp/begin");

        await FaultyMesh.UntilAsync(async () => await mesh.StatusAsync("http://late/after") == "200");
    }

    [Fact]
    public void App_ThatDefeatsItsSidecar_IsNamedWithItsPlace()
    {
        Assert.Matches(@"mesh\.yaml:\d+:\d+: Container 'user' runs as user or group 1337", mesh.Said);
        Assert.Matches(@"mesh\.yaml:\d+:\d+: Container 'port' listens on port 15006", mesh.Said);
    }

    [Fact]
    public async Task Sidecar_RunsOnAReadOnlyRootWithoutHomeAndTmp()
    {
        string tried = await mesh.ExecAsync(
            "client", "touch /x /tmp/x /home/x 2>&1 | grep -c Read-only; echo home=$HOME; id -u; grep -c . /proc/1/comm", "istio-proxy");
        Assert.Equal(["3", "home=", "1337"], tried.Split('\n').Take(3));
        Assert.Equal("200", await mesh.StatusAsync("http://web/"));
    }

    [Fact]
    public async Task Pod_RemovedUnderLoad_NoRequestFails()
    {
        string codes = await LoadWhileAsync(async () =>
        {
            foreach (int replicas in (int[])[2, 3, 1, 3])
            {
                mesh.ScaleWeb(replicas);
                await UntilWebPodsAsync(replicas);
            }
        });

        Assert.Matches(@"^\d+ 200$", codes);
    }

    [Fact]
    public async Task ControlPlane_DiesAndReturns_TrafficGoesOnAndConfigurationConverges()
    {
        int killed = await UntilControlPlaneAsync();
        string codes = await LoadWhileAsync(async () =>
        {
            ProcessSignal.TrySend(killed, ProcessSignal.SIGKILL);

            // Changed while nobody is there to push it.
            Answer(218);
            await FaultyMesh.UntilAsync(async () => await mesh.StatusAsync("http://web/changed") == "218");
        });

        Assert.Matches(@"^\d+ 200$", codes);
        Assert.NotEqual(killed, await UntilControlPlaneAsync());
        Answer(null);
    }

    // PILOTFISH_SOAK_SECONDS makes it long; the seed is in the failure.
    [Fact]
    public async Task Churn_OfPodsRoutesAndControlPlane_FailsNoRequest()
    {
        const int SecondsByDefault = 10;
        bool isLong = int.TryParse(
            Environment.GetEnvironmentVariable("PILOTFISH_SOAK_SECONDS"), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds);
        TimeSpan duration = TimeSpan.FromSeconds(isLong ? seconds : SecondsByDefault);
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var done = new List<string>();
        string codes = await LoadWhileAsync(async () =>
        {
            for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration;)
            {
                int choice = random.Next(10);
                done.Add($"{choice}");
                switch (choice)
                {
                    case < 4:
                        int replicas = random.Next(1, 5);
                        mesh.ScaleWeb(replicas);
                        await UntilWebPodsAsync(replicas);
                        break;
                    case < 8:
                        int status = random.Next(220, 290);
                        Answer(status);
                        await FaultyMesh.UntilAsync(async () => await mesh.StatusAsync("http://web/changed") == $"{status}");
                        break;
                    case 8:
                        Answer(null);
                        break;
                    default:
                        ProcessSignal.TrySend(await UntilControlPlaneAsync(), ProcessSignal.SIGKILL);
                        break;
                }
            }
        });
        Answer(null);
        mesh.ScaleWeb(3);
        await UntilWebPodsAsync(3);

        Assert.True(System.Text.RegularExpressions.Regex.IsMatch(codes, @"^\d+ 200$"), $"seed {seed}, acts {string.Join(' ', done)}: {codes}");
    }

    [Fact]
    public async Task Change_OfAFile_IsLiveWithinASecond()
    {
        // The pod's clock is this machine's. Each line: when, and what was answered.
        Task<string> watching = mesh.ExecAsync(
            "client", "for i in $(seq 400); do echo $(date +%s%3N) $(curl -s -m 5 -o /dev/null -w '%{http_code}' http://web/changed); sleep 0.02; done");
        var latencies = new List<double>();
        var changed = new List<(long At, int Status)>();
        foreach (int status in (int[])[211, 212, 213, 214, 215])
        {
            await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
            changed.Add((DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), status));
            Answer(status);
        }

        (long At, string Status)[] seen = [.. (await watching).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).Select(w => (long.Parse(w[0], CultureInfo.InvariantCulture), w[1]))];
        Answer(null);
        foreach ((long at, int status) in changed)
        {
            latencies.Add(seen.First(s => s.At >= at && s.Status == $"{status}").At - at);
        }

        // The median: one look may meet a machine that is busy with something else.
        latencies.Sort();
        Assert.True(latencies[2] < 1000, string.Join(' ', latencies));
    }

    /// <summary>Requests on kept-alive connections as long as something goes on; returns "COUNT CODE" for each code.</summary>
    private async Task<string> LoadWhileAsync(Func<Task> act)
    {
        Task<string> load = mesh.ExecAsync("client", """
            rm -f /tmp/stop
            while [ ! -e /tmp/stop ]; do curl -s -m 60 -o /dev/null -w '%{http_code}\n' 'http://web/?[1-200]'; done | sort | uniq -c
            """);
        try
        {
            await act();
        }
        finally
        {
            await mesh.ExecAsync("client", "touch /tmp/stop");
        }

        return (await load).Trim();
    }

    private async Task UntilWebPodsAsync(int count) => await FaultyMesh.UntilAsync(async () =>
        (await Executable.RunAsync("get", mesh.Folder)).Output.Split('\n')
            .Count(line => line.Contains(" web-", StringComparison.Ordinal) && line.Contains("2/2", StringComparison.Ordinal)) == count
        && (await Executable.RunAsync("get", mesh.Folder, "--names")).Output.Split('\n').Count(name => name.StartsWith("web-", StringComparison.Ordinal)) == count);

    /// <summary>Null takes the rule away again.</summary>
    private void Answer(int? status)
    {
        if (status is null)
        {
            File.Delete(Path.Combine(mesh.Folder, "answer.yaml"));
            return;
        }

        mesh.Write("answer.yaml", $$$"""
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: web}
            spec:
              hosts: [web]
              http:
              - match: [{uri: {exact: /changed}}]
                directResponse: {status: {{{status}}}}
              - route: [{destination: {host: web}}]
            """);
    }

    /// <summary>Its process; one that was killed is back after a second.</summary>
    private async Task<int> UntilControlPlaneAsync()
    {
        int? found = null;
        await FaultyMesh.UntilAsync(() => Task.FromResult((found = ControlPlane()) is not null));
        return found!.Value;
    }

    private int? ControlPlane()
    {
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                string[] words = File.ReadAllText(process + "/cmdline").Split('\0');
                if (words.Contains("discovery") && words.Contains(mesh.Folder) && words[0].EndsWith("pilotfish", StringComparison.Ordinal))
                {
                    return int.Parse(Path.GetFileName(process), CultureInfo.InvariantCulture);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }

        return null;
    }
}
