namespace Pilotfish.Proxy.Overload;

/// <summary>
/// What the process does about pressure at this moment. Made once from the bootstrap; the main loop writes the levels, workers
/// read them. Listeners that bypass the overload manager read <see cref="Inactive"/>.
/// </summary>
public sealed class OverloadState
{
    /// <summary>Nothing is ever triggered.</summary>
    public static readonly OverloadState Inactive = new();

    private readonly TimerScale?[] _timers = new TimerScale?[(int)ScaledTimerType.HttpDownstreamStreamFlush + 1];

    public OverloadLevel StopAcceptingRequests { get; } = new();

    public OverloadLevel StopAcceptingConnections { get; } = new();

    public OverloadLevel RejectIncomingConnections { get; } = new();

    public OverloadLevel DisableHttpKeepAlive { get; } = new();

    public OverloadLevel ReduceTimeouts { get; } = new();

    public OverloadLevel ShrinkHeap { get; } = new();

    public OverloadLevel ResetHighMemoryStream { get; } = new();

    public OverloadLevel CloseIdleHttpConnections { get; } = new();

    public LoadShedPoint TcpListenerAccept { get; } = new();

    public LoadShedPoint HcmDecodeHeaders { get; } = new();

    public LoadShedPoint HcmCodecCreation { get; } = new();

    public LoadShedPoint Http1ServerAbortDispatch { get; } = new();

    public LoadShedPoint Http2ServerGoAwayOnDispatch { get; } = new();

    public LoadShedPoint Http2ServerGoAwayAndCloseOnDispatch { get; } = new();

    public LoadShedPoint HttpDownstreamFilterCheck { get; } = new();

    public LoadShedPoint ConnectionPoolNewConnection { get; } = new();

    /// <summary>Whether a time-out of this kind must be looked at more often than it fires.</summary>
    public bool Scales(ScaledTimerType type) => _timers[(int)type] is not null;

    /// <summary>A configured time-out under the present pressure: the shorter, the higher.</summary>
    public long Scaled(ScaledTimerType type, long configured)
    {
        if (_timers[(int)type] is not { } scale)
        {
            return configured;
        }

        long min = scale.Min(configured);
        return min + (long)((configured - min) * (1 - ReduceTimeouts.Value));
    }

    /// <summary>The shortest that a time-out can become; it is worth looking again after so long.</summary>
    public long Shortest(ScaledTimerType type, long configured) => _timers[(int)type]?.Min(configured) ?? configured;

    internal void SetTimer(ScaledTimerType type, TimerScale scale) => _timers[(int)type] = scale;
}
