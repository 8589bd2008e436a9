using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Loops;

public sealed class EventLoopTests
{
    [Fact]
    public void Post_FromSeveralThreads_RunsOnTheLoopInEachThreadsOrder()
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "posts" });
        loop.Start();
        const int Threads = 4;
        const int PerThread = 5000;
        var seen = new List<(int Thread, int Number)>();
        using var done = new CountdownEvent(Threads * PerThread);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                int number = i;
                loop.Post(_ =>
                {
                    seen.Add((thread, EventLoop.Current == loop ? number : -1));
                    done.Signal();
                }, null);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Assert.True(done.Wait(Patience.Limit, TestContext.Current.CancellationToken));
        for (int thread = 0; thread < Threads; thread++)
        {
            Assert.Equal(Enumerable.Range(0, PerThread), seen.Where(entry => entry.Thread == thread).Select(entry => entry.Number));
        }
    }

    [Fact]
    public void Post_PingPongBetweenLoops_LosesNoWakeUp()
    {
        using var first = new EventLoop(new EventLoopOptions { Name = "first" });
        using var second = new EventLoop(new EventLoopOptions { Name = "second" });
        first.Start();
        second.Start();
        using var done = new ManualResetEventSlim();
        int left = 20_000;
        Bounce(null);
        Assert.True(done.Wait(Patience.Limit, TestContext.Current.CancellationToken), "A loop slept through a post.");

        void Bounce(object? state)
        {
            if (--left == 0)
            {
                done.Set();
                return;
            }

            (left % 2 == 0 ? first : second).Post(Bounce, null);
        }
    }

    [Fact]
    public void PostStop_SleepingLoop_EndsItsThread()
    {
        var loop = new EventLoop(new EventLoopOptions { Name = "sleeper" });
        loop.Start();
        loop.PostStop();
        Assert.True(loop.Join(Patience.Limit));
        loop.Dispose();
    }

    [Fact]
    public void Post_CallbackPostsForEver_LeavesTurnsForOthers() => LoopRunner.Run(async loop =>
    {
        int posted = 0;
        bool stop = false;
        loop.Post(Again, null);
        long turn = loop.TurnNumber;
        while (posted < 5000)
        {
            await loop.YieldAsync();
        }

        stop = true;
        Assert.True(loop.TurnNumber > turn);

        void Again(object? state)
        {
            posted++;
            if (!stop)
            {
                loop.Post(Again, null);
            }
        }
    });

    [Fact]
    public void Yield_Awaited_ResumesInALaterTurn() => LoopRunner.Run(async loop =>
    {
        await loop.YieldAsync();
        long turn = loop.TurnNumber;
        await loop.YieldAsync();
        Assert.Equal(turn + 1, loop.TurnNumber);
    });

    [Fact]
    public void ForeignTask_Awaited_ComesBackToTheLoop() => LoopRunner.Run(async loop =>
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => source.SetResult());
        thread.Start();
        await source.Task;
        Assert.True(loop.IsCurrent);
        thread.Join();
    });

    [Fact]
    public void TurnEnd_ObserverAddedTwiceInDifferentTurns_IsToldOncePerTurn() => LoopRunner.Run(async loop =>
    {
        var observer = new CountingObserver();
        loop.AtTurnEnd(observer);
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal(1, observer.Count);
        loop.AtTurnEnd(observer);
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal(2, observer.Count);
    });

    [Fact]
    public void Callback_Throws_IsNeverSwallowed()
    {
        Exception? caught = null;
        var options = new EventLoopOptions { Name = "thrower", OnUncaught = exception => caught = exception };
        using var loop = new EventLoop(options);
        using (loop.Bind())
        {
            loop.Post(static _ => throw new InvalidOperationException("boom"), null);
            loop.RunOnce();
        }

        Assert.Equal("boom", Assert.IsType<InvalidOperationException>(caught).Message);
    }

    [Fact]
    public void Current_OffLoop_ThrowsAndSaysWhatToDo()
    {
        Assert.Null(EventLoop.CurrentOrNull);
        Assert.Contains("Post", Assert.Throws<InvalidOperationException>(() => EventLoop.Current).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Signal_Raised_ArrivesOnTheLoop() => LoopRunner.Run(async loop =>
    {
        using var signals = ProcessSignals.Register(loop, System.Runtime.InteropServices.PosixSignal.SIGWINCH, _ => Heard());
        bool heard = false;
        using var kill = System.Diagnostics.Process.Start("kill", ["-WINCH", Environment.ProcessId.ToString()])!;
        while (!heard)
        {
            await loop.DelayAsync(1);
        }

        Assert.True(loop.IsCurrent);

        void Heard() => heard = true;
    });

    private sealed class CountingObserver : ITurnEndObserver
    {
        public int Count { get; private set; }

        public void OnTurnEnd() => Count++;
    }
}
