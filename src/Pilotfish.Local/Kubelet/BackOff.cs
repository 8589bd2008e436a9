namespace Pilotfish.Local.Kubelet;

/// <summary>
/// Pauses before restarts: none for the first, then doubling. It starts at a second rather than the kubelet's ten,
/// because on one machine somebody sits and waits.
/// </summary>
internal sealed class BackOff
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_last = TimeSpan.FromMinutes(5);

    /// <summary>A container that ran this long was well: its next failure is a first one.</summary>
    private static readonly TimeSpan s_forgetAfter = TimeSpan.FromMinutes(10);

    private TimeSpan _next = TimeSpan.Zero;

    public TimeSpan Next(TimeSpan ran)
    {
        if (ran >= s_forgetAfter)
        {
            _next = TimeSpan.Zero;
        }

        TimeSpan pause = _next;
        _next = pause == TimeSpan.Zero ? s_first : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, s_last.Ticks));
        return pause;
    }
}
