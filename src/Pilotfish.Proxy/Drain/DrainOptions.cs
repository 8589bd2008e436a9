namespace Pilotfish.Proxy.Drain;

/// <summary>--drain-time-s and --drain-strategy.</summary>
public sealed record DrainOptions
{
    public const long DefaultMilliseconds = 600_000;

    public long Milliseconds { get; init; } = DefaultMilliseconds;

    public DrainStrategy Strategy { get; init; } = DrainStrategy.Gradual;
}
