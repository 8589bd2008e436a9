using Pilotfish.Runtime.Loops;

namespace Pilotfish.Testing;

/// <summary>
/// Waiting on a loop for what the kernel brings. Bytes sent over loopback are usually there at once, but not on a busy machine, where
/// another thread of the kernel delivers them: a fixed number of turns is no wait. <see cref="LoopRunner"/>'s limit ends a wait in vain.
/// </summary>
public static class LoopWaits
{
    // By then whatever needs no other thread has happened.
    private const int TurnsAlone = 100;

    /// <summary>Lets the loop turn until the condition holds.</summary>
    public static async Task UntilAsync(this EventLoop loop, Func<bool> condition)
    {
        for (int turns = 0; !condition(); turns++)
        {
            if (turns > TurnsAlone)
            {
                // The thread that delivers may be waiting for this core.
                Thread.Yield();
            }

            await loop.YieldAsync();
        }
    }
}
