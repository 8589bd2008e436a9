namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// The waits between certificates that were asked for in vain: half a second at first, half as long again each time, a minute at most, each
/// by up to a half shorter or longer (istio pkg/backoff): a fleet that lost its authority must not return in step.
/// </summary>
internal sealed class RetryPause(Func<double> random)
{
    private const double FirstMilliseconds = 500;
    private const double MostMilliseconds = 60_000;
    private const double Growth = 1.5;
    private const double Jitter = 0.5;

    private double _next = FirstMilliseconds;

    public void Reset() => _next = FirstMilliseconds;

    public long NextMilliseconds()
    {
        double pause = _next * (1 + (Jitter * ((2 * random()) - 1)));
        _next = Math.Min(_next * Growth, MostMilliseconds);
        return (long)pause;
    }
}
