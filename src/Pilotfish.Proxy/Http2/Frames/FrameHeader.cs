using System.Buffers.Binary;

namespace Pilotfish.Proxy.Http2.Frames;

/// <summary>
/// The nine bytes in front of each frame (RFC 9113 section 4.1):
/// <code>Length (24) | Type (8) | Flags (8) | R (1) Stream Identifier (31)</code>
/// </summary>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Bytes = 9;

    /// <summary>SETTINGS_MAX_FRAME_SIZE's initial value; we never ask for more, since larger frames only hold others up.</summary>
    public const int PayloadBytesDefault = 16384;

    public const int PayloadBytesCap = (1 << 24) - 1;

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;

    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        if (bytes.Length < Bytes)
        {
            header = default;
            return false;
        }

        header = new FrameHeader((bytes[0] << 16) | (bytes[1] << 8) | bytes[2], (FrameType)bytes[3], (FrameFlags)bytes[4],
            (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) & int.MaxValue));
        return true;
    }

    public static void Write(Span<byte> destination, int length, FrameType type, FrameFlags flags, int streamId)
    {
        destination[0] = (byte)(length >> 16);
        destination[1] = (byte)(length >> 8);
        destination[2] = (byte)length;
        destination[3] = (byte)type;
        destination[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(destination[5..], streamId);
    }
}
