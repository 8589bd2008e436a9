using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Sources;
using Pilotfish.ControlPlane.Tests.Translation;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Tests.Push;

/// <summary>Changes are pushed after 100 ms of quiet, and after 10 s in any case, as Istio's.</summary>
public sealed class ConfigPipelineTests : IDisposable
{
    private static readonly IReadOnlyList<ConfigObject> s_objects = Mesh.Parse(Manifests.Bookinfo);

    private readonly DebounceClock _clock = new();
    private readonly ScriptedSource _source = new();
    private readonly DiscoveryServer _server;
    private readonly ConfigPipeline _pipeline;

    public ConfigPipelineTests()
    {
        _server = new DiscoveryServer(NullLogger<DiscoveryServer>.Instance, _clock);
        _pipeline = new ConfigPipeline(_source, _server, new PushContextOptions(), _clock, NullLogger<ConfigPipeline>.Instance);
    }

    private string Pushes => _server.PushVersion.Split('/')[^1];

    [Fact]
    public async Task Changes_WithinTheQuietTime_AreOnePush()
    {
        await StartAsync();
        await ChangeAsync(1);
        _clock.Advance(99);
        await ChangeAsync(2);
        _clock.Advance(99);
        Assert.Equal("1", Pushes);

        _clock.Advance(1);
        await PushedAsync("2");

        Assert.Equal(2, _server.Current!.Snapshot.Count);
    }

    [Fact]
    public async Task Changes_WithoutQuiet_ArePushedAfterTenSeconds()
    {
        await StartAsync();
        await ChangeAsync(1);
        int passed = 0;
        while (passed + 90 < 10_000)
        {
            _clock.Advance(90);
            passed += 90;
            Assert.Equal("1", Pushes);
            await ChangeAsync(1 + (passed / 90 % 2));
        }

        // The wait is cut short at the ten seconds, so not a whole quiet time is left.
        _clock.Advance(10_000 - passed);
        await PushedAsync("2");
    }

    [Fact]
    public async Task State_WithoutChange_IsNoPush()
    {
        await StartAsync();
        await ChangeAsync(0);
        _clock.Advance(100);
        await ChangeAsync(1);
        _clock.Advance(100);
        await PushedAsync("2");
    }

    public void Dispose()
    {
        _pipeline.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
        _pipeline.Dispose();
    }

    /// <summary>The first state is published at once.</summary>
    private async Task StartAsync()
    {
        await _pipeline.StartAsync(TestContext.Current.CancellationToken);
        _source.Publish(new SourceState([], [], []));
        await PushedAsync("1");
    }

    /// <summary>A state with so many objects, and the pipeline waits for quiet when this returns.</summary>
    private async Task ChangeAsync(int objects)
    {
        Task waits = _clock.NextTimerAsync();
        _source.Publish(new SourceState([.. s_objects.Take(objects)], [], []));
        await waits.WaitAsync(TestContext.Current.CancellationToken);
    }

    private async Task PushedAsync(string pushes)
    {
        while (Pushes != pushes)
        {
            await Task.Yield();
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    private sealed class ScriptedSource : IConfigSource
    {
        private readonly Channel<SourceState> _states = Channel.CreateUnbounded<SourceState>();

        public void Publish(SourceState state) => _states.Writer.TryWrite(state);

        public async Task RunAsync(Action<SourceState> publish, CancellationToken cancellation)
        {
            await foreach (SourceState state in _states.Reader.ReadAllAsync(cancellation))
            {
                publish(state);
            }
        }
    }
}
