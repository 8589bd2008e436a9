using System.Numerics;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// One worker's run of reset_high_memory_stream: streams by the power of two of the memory they hold, ended from the largest class down, the
/// more classes the higher the pressure. Streams are measured when there is pressure, not at every buffer: without it this costs nothing.
/// </summary>
/// <param name="power">minimum_account_to_track_power_of_two. As in Envoy's code the lowest class begins at half of that power of two.</param>
public sealed class HighMemoryStreams(int power)
{
    public const int PowerMin = 10;

    /// <summary>The last that leaves room for eight classes in 64 bits.</summary>
    public const int PowerMax = 56;

    public const int Classes = 8;

    /// <summary>Each reset writes logs and frames: a run must not keep a loop from its other streams. The next one is a refresh away.</summary>
    public const int ResetsMax = 50;

    private readonly List<(long Bytes, IMemoryHolder Stream)>[] _classes = new List<(long, IMemoryHolder)>[Classes];

    /// <summary>The class of a stream, 0 to 7; -1 for one that holds too little to matter.</summary>
    public int ClassOf(long bytes)
    {
        ulong shifted = (ulong)bytes >> (power - 1);
        return shifted == 0 ? -1 : Math.Min(BitOperations.Log2(shifted), Classes - 1);
    }

    public void Offer(IMemoryHolder stream)
    {
        long bytes = stream.BufferedBytes;
        int index = ClassOf(bytes);
        if (index >= 0)
        {
            (_classes[index] ??= []).Add((bytes, stream));
        }
    }

    /// <summary>Ends streams of as many classes as the level asks for, at most <see cref="ResetsMax"/>; returns how many.</summary>
    /// <param name="level">Of the action, above 0 to 1.</param>
    public int Reset(double level)
    {
        int count = Math.Min((int)(level * Classes) + 1, Classes);
        int resets = 0;
        for (int index = Classes - 1; index >= Classes - count; index--)
        {
            if (_classes[index] is not { } streams)
            {
                continue;
            }

            streams.Sort(static (one, other) => other.Bytes.CompareTo(one.Bytes));
            for (int i = 0; i < streams.Count && resets < ResetsMax; i++, resets++)
            {
                streams[i].Stream.EndForMemory();
            }
        }

        return resets;
    }
}
