using Pilotfish.Agent.Lifecycle;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Lifecycle;

public sealed class TerminationTests
{
    private readonly ManualLoopClock _clock = new();
    private readonly FakeDataPlane _dataPlane = new();
    private int _ends;

    [Fact]
    public void Signal_DrainsForTheDuration() => Run(new TerminationOptions(), async (termination, loop) =>
    {
        termination.OnSignal();
        Assert.Equal(1, _dataPlane.Drains);
        await AdvanceAsync(loop, TimeSpan.FromMilliseconds(4900));
        Assert.Equal(0, _ends);
        await AdvanceAsync(loop, TimeSpan.FromMilliseconds(200));
        Assert.Equal(1, _ends);
    });

    [Fact]
    public void SecondSignal_EndsAtOnce() => Run(new TerminationOptions(), async (termination, loop) =>
    {
        termination.OnSignal();
        termination.OnSignal();
        Assert.Equal(1, _ends);
        await AdvanceAsync(loop, TimeSpan.FromSeconds(10));
        Assert.Equal(1, _ends);
    });

    [Fact]
    public void SignalAfterDrain_EndsAtOnce() => Run(new TerminationOptions(), async (termination, loop) =>
    {
        termination.Drain();
        termination.Drain();
        Assert.Equal(1, _dataPlane.Drains);
        Assert.Equal(0, _ends);
        termination.OnSignal();
        Assert.Equal(1, _ends);
        Assert.Equal(1, _dataPlane.Drains);
        await loop.YieldAsync();
    });

    [Fact]
    public void Quit_EndsWithoutDrain() => Run(new TerminationOptions(), async (termination, loop) =>
    {
        termination.Quit();
        await AdvanceAsync(loop, TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _ends);
        Assert.Equal(0, _dataPlane.Drains);
    });

    [Fact]
    public void WaitingForConnections_EndsWhenNoneIsLeft()
    {
        var options = new TerminationOptions { WaitForConnections = true, MinimumDrainDuration = TimeSpan.FromSeconds(5) };
        Run(options, async (termination, loop) =>
        {
            _dataPlane.ActiveConnections = 2;
            termination.OnSignal();
            await AdvanceAsync(loop, TimeSpan.FromSeconds(60));
            Assert.Equal(0, _ends);
            _dataPlane.ActiveConnections = 0;
            await AdvanceAsync(loop, TimeSpan.FromMilliseconds(1100));
            Assert.Equal(1, _ends);
        });
    }

    [Fact]
    public void WaitingForConnections_NeverCounted_EndsAfterTheMinimum()
    {
        var options = new TerminationOptions { WaitForConnections = true, MinimumDrainDuration = TimeSpan.FromSeconds(1) };
        Run(options, async (termination, loop) =>
        {
            termination.OnSignal();
            Assert.Equal(0, _ends);
            await AdvanceAsync(loop, TimeSpan.FromMilliseconds(1100));
            Assert.Equal(1, _ends);
        });
    }

    [Theory]
    [InlineData(false, 5)]
    [InlineData(false, -5)]
    [InlineData(true, 5)]
    [InlineData(true, -5)]
    public void WallClockJumps_NeitherShortenNorLengthenTheDrain(bool waitForConnections, int hours) => Run(
        new TerminationOptions { WaitForConnections = waitForConnections }, async (termination, loop) =>
        {
            _dataPlane.ActiveConnections = 1;
            termination.OnSignal();
            await AdvanceAsync(loop, TimeSpan.FromSeconds(2));
            _clock.JumpWall(TimeSpan.FromHours(hours));
            await AdvanceAsync(loop, TimeSpan.FromMilliseconds(2900));
            Assert.Equal(0, _ends);
            _clock.JumpWall(TimeSpan.FromHours(-2 * hours));
            _dataPlane.ActiveConnections = 0;
            await AdvanceAsync(loop, TimeSpan.FromMilliseconds(200));
            Assert.Equal(1, _ends);
        });

    // In steps, with turns between: a timer that re-arms itself counts from the turn that it ran in.
    private async Task AdvanceAsync(EventLoop loop, TimeSpan time)
    {
        TimeSpan step = TimeSpan.FromMilliseconds(100);
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += step)
        {
            _clock.Advance(time - passed < step ? time - passed : step);
            await loop.YieldAsync();
            await loop.YieldAsync();
        }
    }

    private void Run(TerminationOptions options, Func<Termination, EventLoop, Task> body) =>
        LoopRunner.Run(_clock, loop => body(new Termination(loop, _dataPlane, options, () => _ends++), loop));
}
