using CsCheck;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Timers;

public sealed class TimerWheelTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(300_000)]
    [InlineData(86_400_000)]
    [InlineData(40L * 365 * 86_400_000)]
    public void Timer_ClockReachesDeadline_FiresThenAndNotBefore(long milliseconds)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            int fired = 0;
            var timer = new LoopTimer(loop, _ => fired++, null);
            timer.Schedule(milliseconds);
            Assert.True(timer.IsScheduled);
            if (milliseconds > 0)
            {
                clock.AdvanceMilliseconds(milliseconds - 1);
                loop.RunOnce();
                Assert.Equal(0, fired);
                clock.AdvanceMilliseconds(1);
            }

            loop.RunOnce();
            Assert.Equal(1, fired);
            Assert.False(timer.IsScheduled);
            Assert.Equal(0, loop.TimerCount);
            return Task.CompletedTask;
        });
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 1)]
    [InlineData(long.MaxValue / 2)]
    public void Timer_BeyondTheClock_NeverFires(long milliseconds)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            int fired = 0;
            var timer = new LoopTimer(loop, _ => fired++, null);
            timer.Schedule(milliseconds);
            for (int year = 0; year < 40; year++)
            {
                clock.AdvanceMilliseconds(365L * 86_400_000);
                loop.RunOnce();
            }

            Assert.Equal(0, fired);
            Assert.True(timer.IsScheduled);
            timer.Schedule(1);
            clock.AdvanceMilliseconds(1);
            loop.RunOnce();
            Assert.Equal(1, fired);
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void Wheel_RandomSchedulesMovesAndCancels_FiresAsAPlainListWould()
    {
        Gen<(int Timer, int Kind, long Milliseconds)[]> operations =
            Gen.Select(Gen.Int[0, 19], Gen.Int[0, 3], Gen.OneOf(Gen.Long[0, 200], Gen.Long[0, 400_000])).Array[1, 200];
        operations.Sample(steps =>
        {
            var clock = new ManualLoopClock();
            LoopRunner.Run(clock, loop =>
            {
                CompareWithList(loop, clock, steps);
                return Task.CompletedTask;
            });
        }, iter: 150);
    }

    [Fact]
    public void Wheel_ThousandsOfTimers_AllFireInDeadlineOrder()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            var fired = new List<int>();
            for (int i = 0; i < 20_000; i++)
            {
                int due = i * 7919 % 60_000;
                new LoopTimer(loop, _ => fired.Add(due), null).Schedule(due);
            }

            for (int second = 0; second < 61; second++)
            {
                clock.AdvanceMilliseconds(1000);
                LoopRunner.Turn(loop, () => loop.TimerCount == 0 || NextIsLater(loop));
            }

            Assert.Equal(20_000, fired.Count);
            Assert.Equal(fired.Order(), fired);
            return Task.CompletedTask;
        });

        static bool NextIsLater(EventLoop loop)
        {
            int before = loop.TimerCount;
            loop.RunOnce();
            return before == loop.TimerCount;
        }
    }

    [Fact]
    public void Timer_RearmedForEver_DoesNotKeepTheTurnFromEnding()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            int fired = 0;
            LoopTimer timer = null!;
            timer = new LoopTimer(loop, _ =>
            {
                fired++;
                timer.Schedule(0);
            }, null);
            timer.Schedule(0);
            loop.RunOnce();
            Assert.Equal(new EventLoopOptions().TimersPerTurnMax, fired);
            timer.Cancel();
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void Timer_WallClockJumps_KeepsItsMonotonicDeadline()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            int fired = 0;
            new LoopTimer(loop, _ => fired++, null).Schedule(1000);
            clock.JumpWall(TimeSpan.FromDays(1000));
            loop.RunOnce();
            Assert.Equal(0, fired);
            clock.JumpWall(TimeSpan.FromDays(-4000));
            clock.AdvanceMilliseconds(1000);
            loop.RunOnce();
            Assert.Equal(1, fired);
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void Delay_SystemClock_EndsNotBeforeItsTime() => LoopRunner.Run(async loop =>
    {
        long start = loop.NowNanoseconds;
        await loop.DelayAsync(15);
        // The coarse clock may be a millisecond ahead of the precise one's fraction.
        Assert.True(loop.NowNanoseconds - start >= 14_000_000);
    });

    private static void CompareWithList(EventLoop loop, ManualLoopClock clock, (int Timer, int Kind, long Milliseconds)[] steps)
    {
        var firedNow = new List<int>();
        var timers = new LoopTimer[20];
        var deadlines = new Dictionary<int, long>();
        for (int i = 0; i < timers.Length; i++)
        {
            int id = i;
            timers[i] = new LoopTimer(loop, _ => firedNow.Add(id), null);
        }

        foreach ((int id, int kind, long milliseconds) in steps)
        {
            switch (kind)
            {
                case 0:
                    timers[id].Cancel();
                    deadlines.Remove(id);
                    break;
                case 1:
                    clock.AdvanceMilliseconds(milliseconds);
                    firedNow.Clear();
                    loop.RunOnce();
                    int[] due = [.. deadlines.Where(entry => entry.Value <= loop.NowMilliseconds).Select(entry => entry.Key)];
                    Assert.Equal(due.Order(), firedNow.Order());
                    foreach (int fired in due)
                    {
                        deadlines.Remove(fired);
                    }

                    break;
                default:
                    timers[id].Schedule(milliseconds);
                    deadlines[id] = loop.NowMilliseconds + milliseconds;
                    break;
            }

            Assert.Equal(deadlines.Count, loop.TimerCount);
        }
    }
}
