using System.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Testing;

/// <summary>
/// Runs a test body on a loop of the calling thread: the body awaits streams and timers as product code does, and the loop turns
/// until the body ends. Time is the machine's, or a manual clock's that moves only when told.
/// </summary>
public static class LoopRunner
{
    /// <summary>Real time after which a body counts as stuck: what takes a second alone took twenty on a machine that many share.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static void Run(Func<EventLoop, Task> body) => Run(new EventLoopOptions { Name = "test" }, body);

    public static void Run(ManualLoopClock clock, Func<EventLoop, Task> body) =>
        Run(new EventLoopOptions { Name = "test", Clock = clock }, body);

    public static void Run(EventLoopOptions options, Func<EventLoop, Task> body)
    {
        using var loop = new EventLoop(options);
        (options.Clock as ManualLoopClock)?.Attach(loop);
        using EventLoop.LoopBinding binding = loop.Bind();
        Task task = body(loop);
        Turn(loop, () => task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    /// <summary>Turns a bound loop until the condition holds; throws when it never does.</summary>
    public static void Turn(EventLoop loop, Func<bool> until)
    {
        long start = Stopwatch.GetTimestamp();
        while (!until())
        {
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new TimeoutException($"Nothing happened on loop '{loop.Name}' for {s_limit}.");
            }

            loop.RunOnce(waitMilliseconds: 20);
        }
    }
}
