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

    [Fact]
    public void Load_ThatLeftTheProcessLarge_GivesBackWhenQuiet()
    {
        var use = new Use { OwnBytes = 10_000_000 };
        Run(async (memory, pass, returns) =>
        {
            memory.OnStarted();
            await pass(MemoryReturn.QuietMilliseconds + 100);
            Assert.Equal(1, returns());

            // A load that grows the process; nothing happens while it lasts.
            use.OwnBytes += MemoryReturn.LargeGrowthBytes;
            use.Work += MemoryReturn.QuietWork;
            await pass(MemoryReturn.LookMilliseconds + 100);
            Assert.Equal(1, returns());
            use.Work += MemoryReturn.QuietWork - TimeSpan.FromTicks(1);
            await pass(MemoryReturn.LookMilliseconds + 100);
            Assert.Equal(2, returns());

            // What is left is the new floor.
            use.Work += MemoryReturn.QuietWork;
            await pass(MemoryReturn.LookMilliseconds + 100);
            await pass(MemoryReturn.LookMilliseconds + 100);
            Assert.Equal(2, returns());
        }, use);
    }

    [Fact]
    public void Load_ThatLeftLittle_GivesNothingBack()
    {
        var use = new Use { OwnBytes = 10_000_000 };
        Run(async (memory, pass, returns) =>
        {
            memory.OnStarted();
            await pass(MemoryReturn.QuietMilliseconds + 100);
            use.OwnBytes += MemoryReturn.LargeGrowthBytes - 1;
            use.Work += MemoryReturn.QuietWork;
            await pass(MemoryReturn.LookMilliseconds + 100);
            await pass(MemoryReturn.LookMilliseconds + 100);
            Assert.Equal(1, returns());
        }, use);
    }

    [Fact]
    public void Idle_ReadsNoMemory()
    {
        var use = new Use();
        Run(async (memory, pass, returns) =>
        {
            memory.OnStarted();
            await pass(MemoryReturn.QuietMilliseconds + 100);
            int reads = use.Reads;
            for (int i = 0; i < 5; i++)
            {
                await pass(MemoryReturn.LookMilliseconds + 100);
            }

            Assert.Equal(1, returns());
            Assert.Equal(reads, use.Reads);
        }, use);
    }

    private static void Run(Func<MemoryReturn, Func<long, Task>, Func<int>, Task> body, Use? use = null)
    {
        use ??= new Use();
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            int returns = 0;
            using var memory = new MemoryReturn(loop, done =>
            {
                returns++;
                done();
            }, new MemoryReadings(() => use.Work, use.Read));
            await body(memory, async milliseconds =>
            {
                clock.AdvanceMilliseconds(milliseconds);
                await loop.YieldAsync();
                await loop.YieldAsync();
            }, () => returns);
        });
    }

    private sealed class Use
    {
        public TimeSpan Work { get; set; }

        public long OwnBytes { get; set; }

        public int Reads { get; private set; }

        public long Read()
        {
            Reads++;
            return OwnBytes;
        }
    }
}
