using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// Records of one worker that wait to be sent, serialized one after the other as a repeated field. Room is kept before them, so that
/// the message around them is completed in place. One worker's loop only.
/// </summary>
internal sealed class LogBatch
{
    // What is left after a stalled collector took its backlog goes back to the garbage collector.
    private const int RetainedBytesMax = 64 * 1024;

    private readonly FormatOutput _output = new();
    private readonly int _headroom;
    private int _committed;

    /// <param name="headroomBytes">The longest prefix that <see cref="Complete"/> will get.</param>
    public LogBatch(int headroomBytes)
    {
        _headroom = headroomBytes;
        Clear();
    }

    public int Records { get; private set; }

    /// <summary>Bytes of the records.</summary>
    public int Bytes => _committed - _headroom;

    /// <summary>Where the next record goes; what an unfinished one left is forgotten.</summary>
    public WireWriter Begin()
    {
        _output.Rewind(_committed);
        return new WireWriter(_output);
    }

    public void Commit()
    {
        _committed = _output.Length;
        Records++;
    }

    /// <summary>Puts a prefix right before the records and returns both; valid until the batch changes. May be called again.</summary>
    public ReadOnlySpan<byte> Complete(ReadOnlySpan<byte> prefix)
    {
        int start = _headroom - prefix.Length;
        prefix.CopyTo(_output.Patch(start, prefix.Length));
        return _output.Written[start.._committed];
    }

    public void Clear()
    {
        _output.Clear(RetainedBytesMax);
        _output.Reserve(_headroom);
        _output.Advance(_headroom);
        _committed = _headroom;
        Records = 0;
    }
}
