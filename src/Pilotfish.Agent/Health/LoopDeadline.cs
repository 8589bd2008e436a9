using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Health;

/// <summary>
/// A token that is cancelled when a time on the loop's clock is over, however the wall clock jumps meanwhile. Made and disposed on
/// the loop; the token goes anywhere.
/// </summary>
internal sealed class LoopDeadline : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly LoopTimer? _timer;

    /// <param name="loop">Whose clock counts.</param>
    /// <param name="after">Zero or less: never.</param>
    public LoopDeadline(EventLoop loop, TimeSpan after)
    {
        if (after > TimeSpan.Zero)
        {
            _timer = new LoopTimer(loop, static state => ((CancellationTokenSource)state!).Cancel(), _source);
            _timer.Schedule((long)Math.Ceiling(after.TotalMilliseconds));
        }
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _timer?.Cancel();
        _source.Dispose();
    }
}
