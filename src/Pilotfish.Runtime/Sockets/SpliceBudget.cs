namespace Pilotfish.Runtime.Sockets;

/// <summary>How much one direction may move before the loop's other work has its turn.</summary>
public readonly record struct SpliceBudget(int BytesPerTurn)
{
    /// <summary>
    /// 1 MiB is about 100 microseconds of kernel work: small beside the tens of milliseconds that an unbounded bulk flow costs
    /// its neighbours, large enough to keep the saving of splice.
    /// </summary>
    public static SpliceBudget Default { get; } = new(1024 * 1024);
}
