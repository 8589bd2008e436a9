using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// A header block under way: HEADERS and the CONTINUATION frames that must follow without another frame between (RFC 9113 section 6.10).
/// A block in one frame is never copied. Bounded in frames and bytes.
/// </summary>
internal struct HeaderBlock
{
    private ByteQueue _bytes;
    private int _continuations;

    public bool IsOpen { get; private set; }

    public FrameHeader First { get; private set; }

    public readonly ReadOnlySpan<byte> Bytes => _bytes.Unread;

    public void Begin(BufferPool buffers, in FrameHeader frame, ReadOnlySpan<byte> fragment)
    {
        IsOpen = true;
        First = frame;
        _continuations = 0;
        _bytes.Append(buffers, fragment);
    }

    /// <summary>False when the block goes on beyond its bounds.</summary>
    public bool TryContinue(BufferPool buffers, ReadOnlySpan<byte> fragment, int framesMax, int bytesMax)
    {
        if (++_continuations > framesMax || _bytes.Length + fragment.Length > bytesMax)
        {
            return false;
        }

        _bytes.Append(buffers, fragment);
        return true;
    }

    public void End()
    {
        IsOpen = false;
        _bytes.Release();
    }
}
