namespace Pilotfish.Runtime.Streams;

/// <summary>What a <see cref="FaultyByteStream"/> does to the bytes that pass. Defaults do nothing.</summary>
public sealed record FaultScript
{
    /// <summary>The most that one receive yields: 1 splits a peer's message at every byte.</summary>
    public int ReceiveBytesMax { get; init; } = int.MaxValue;

    /// <summary>Sizes of the first receives, in order; then <see cref="ReceiveBytesMax"/> holds.</summary>
    public IReadOnlyList<int> ReceiveSizes { get; init; } = [];

    /// <summary>The most that one send to the inner stream takes.</summary>
    public int SendBytesMax { get; init; } = int.MaxValue;

    /// <summary>After this many received bytes the connection breaks.</summary>
    public long ResetAfterReceivedBytes { get; init; } = long.MaxValue;

    /// <summary>After this many sent bytes the connection breaks.</summary>
    public long ResetAfterSentBytes { get; init; } = long.MaxValue;

    /// <summary>Every receive waits this long, on the loop's clock.</summary>
    public long ReceiveDelayMilliseconds { get; init; }

    /// <summary>Every send waits this long, on the loop's clock.</summary>
    public long SendDelayMilliseconds { get; init; }
}
