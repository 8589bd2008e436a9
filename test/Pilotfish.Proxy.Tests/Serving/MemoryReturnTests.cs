using Pilotfish.Proxy.Config;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Serving;

public sealed class MemoryReturnTests
{
    [Fact]
    public void Start_GivesBackOnceWhenQuiet() => Run(async (memory, pass, returns) =>
    {
        memory.OnStarted();
        await pass(MemoryReturn.QuietMilliseconds - 100);
        Assert.Equal(0, returns());

        // Not quiet: the clock starts anew.
        memory.OnPush(1);
        await pass(MemoryReturn.QuietMilliseconds - 100);
        Assert.Equal(0, returns());
        await pass(200);
        Assert.Equal(1, returns());
        await pass(10 * MemoryReturn.QuietMilliseconds);
        Assert.Equal(1, returns());
    });

    [Fact]
    public void Pushes_SmallOnesAddUpUntilOneReturn() => Run(async (memory, pass, returns) =>
    {
        memory.OnPush(MemoryReturn.LargePushBytes - 1);
        await pass(2 * MemoryReturn.QuietMilliseconds);
        Assert.Equal(0, returns());
        memory.OnPush(1);
        await pass(2 * MemoryReturn.QuietMilliseconds);
        Assert.Equal(1, returns());
        memory.OnPush(1);
        await pass(2 * MemoryReturn.QuietMilliseconds);
        Assert.Equal(1, returns());
    });

    private static void Run(Func<MemoryReturn, Func<long, Task>, Func<int>, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            int returns = 0;
            using var memory = new MemoryReturn(loop, () => returns++);
            await body(memory, async milliseconds =>
            {
                clock.AdvanceMilliseconds(milliseconds);
                await loop.YieldAsync();
                await loop.YieldAsync();
            }, () => returns);
        });
    }
}
