using Pilotfish.Runtime.Interop;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>How the sidecar ends, and what port 15020 answers meanwhile: the real process, signals and times.</summary>
public sealed class AgentEndTests : IDisposable
{
    private const int StatusPort = 15020;

    // Longer than anything else takes, however busy the machine is.
    private const string LongDrain = "PROXY_CONFIG={discoveryAddress: 'localhost:15010', terminationDrainDuration: 100s}";
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(100);

    private readonly TestNamespace _network = TestNamespace.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-end-").FullName;
    private readonly NetworkNamespaceThread _inside;

    public AgentEndTests() => _inside = _network.Enter();

    [Theory]
    [InlineData("the drain duration", 2, "PROXY_CONFIG={discoveryAddress: 'localhost:15010', terminationDrainDuration: 2s}", "the drain time is over")]
    [InlineData("no drain duration", 0, "PROXY_CONFIG={discoveryAddress: 'localhost:15010', terminationDrainDuration: 0s}", "the drain time is over")]
    [InlineData("the minimum drain, without connections", 2, "EXIT_ON_ZERO_ACTIVE_CONNECTIONS=true", "no connection is left")]
    public async Task Terminated_EndsWithZeroAfter(string label, int seconds, string setting, string reason)
    {
        using AgentProcessRun sidecar = await StartAsync(setting, "MINIMUM_DRAIN_DURATION=2s");

        TimeSpan took = await sidecar.UntilExitAfterAsync(ProcessSignal.SIGTERM);

        Assert.Equal(0, sidecar.ExitCode);

        // A loop counts from the beginning of the turn in which the signal reached it, and a busy machine stretches turns.
        Assert.True(took > TimeSpan.FromSeconds(seconds / 2.0), $"{label}: {took}");
        await sidecar.UntilLogAsync($"Draining for {seconds} s");
        await sidecar.UntilLogAsync(reason);
    }

    [Fact]
    public async Task TerminatedTwice_EndsAtOnce()
    {
        using AgentProcessRun sidecar = await StartAsync(LongDrain);

        sidecar.Signal(ProcessSignal.SIGTERM);
        await sidecar.UntilLogAsync($"Draining for {s_drain.TotalSeconds} s");
        Assert.True(await sidecar.UntilExitAfterAsync(ProcessSignal.SIGTERM) < s_drain);
        Assert.Equal(0, sidecar.ExitCode);
    }

    [Fact]
    public async Task StatusPort_AnswersAndQuits()
    {
        using AgentProcessRun sidecar = await StartAsync();

        (int status, string reason) = await AskAsync("/healthz/ready");
        Assert.Equal(503, status);
        Assert.Contains("config not received from XDS server", reason, StringComparison.Ordinal);
        (status, string metrics) = await AskAsync("/stats/prometheus");
        Assert.Equal(200, status);
        Assert.Contains("istio_agent_scrapes_total", metrics, StringComparison.Ordinal);
        Assert.Contains("envoy_server_", metrics, StringComparison.Ordinal);
        Assert.Equal(404, (await AskAsync("/other")).Status);
        Assert.Equal(405, (await AskAsync("/quitquitquit")).Status);

        Assert.Equal((200, "OK"), await AskAsync("/quitquitquit", HttpMethod.Post));
        await sidecar.UntilExitAsync();
        Assert.Equal(0, sidecar.ExitCode);
    }

    [Fact]
    public async Task Drained_EndsAtOnceWithTheSignal()
    {
        using AgentProcessRun sidecar = await StartAsync(LongDrain);

        Assert.Equal(200, (await AskAsync("/drain", HttpMethod.Post)).Status);
        Assert.False(sidecar.HasExited);
        Assert.True(await sidecar.UntilExitAfterAsync(ProcessSignal.SIGTERM) < s_drain);
    }

    public void Dispose()
    {
        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<AgentProcessRun> StartAsync(params string[] environment)
    {
        AgentProcessRun sidecar = AgentProcessRun.Sidecar(_network, _folder, "localhost:15010", environment);
        await sidecar.UntilAsync(async () => (await AskAsync("/healthz/ready")).Status != 0, "the status port");
        return sidecar;
    }

    private Task<(int Status, string Body)> AskAsync(string path, HttpMethod? method = null) =>
        NamespaceHttp.AskAsync(_inside, StatusPort, path, method);
}
