namespace Pilotfish.Runtime.Loops;

/// <summary>How a loop is made.</summary>
public sealed record EventLoopOptions
{
    public string Name { get; init; } = "loop";

    public ILoopClock Clock { get; init; } = SystemLoopClock.Instance;

    /// <summary>Events taken from the kernel per turn: enough to amortise the call, few enough that timers are not late.</summary>
    public int EventsPerTurnMax { get; init; } = 256;

    /// <summary>Timer callbacks per turn; the rest run in the next one, after another look at the sockets.</summary>
    public int TimersPerTurnMax { get; init; } = 1024;

    /// <summary>Posted and deferred callbacks per turn, each.</summary>
    public int CallbacksPerTurnMax { get; init; } = 1024;

    /// <summary>Called instead of ending the process when a callback throws. Internal for testing.</summary>
    internal Action<Exception>? OnUncaught { get; init; }
}
