using System.Buffers.Binary;

namespace Pilotfish.Bench.Inproc;

/// <summary>As much of RFC 9113's framing as both ends of the bench need.</summary>
internal static class Http2Frames
{
    public const int HeaderBytes = 9;
    public const int PrefaceBytes = 24;
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte WindowUpdate = 8;
    public const byte Ack = 1;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    /// <summary>SETTINGS_INITIAL_WINDOW_SIZE and a WINDOW_UPDATE of the connection: both to the most that there is.</summary>
    public static readonly byte[] Hello =
    [
        .. Frame(Settings, 0, 0, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]), .. Frame(WindowUpdate, 0, 0, [0x7F, 0xFF, 0, 0]),
    ];

    public static byte[] Frame(byte type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[HeaderBytes + payload.Length];
        Write(frame, type, flags, id, payload);
        return frame;
    }

    /// <summary>Returns the bytes written.</summary>
    public static int Write(Span<byte> to, byte type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        to[0] = (byte)(payload.Length >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(to[1..], (ushort)payload.Length);
        to[3] = type;
        to[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], id);
        payload.CopyTo(to[HeaderBytes..]);
        return HeaderBytes + payload.Length;
    }

    /// <summary>The size of the first frame with its header; 0 while it is not whole.</summary>
    public static int SizeOf(ReadOnlySpan<byte> bytes)
    {
        int size = bytes.Length < HeaderBytes ? int.MaxValue : HeaderBytes + (bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
        return bytes.Length < size ? 0 : size;
    }

    public static int StreamOf(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadInt32BigEndian(frame[5..]);

    /// <summary>Whether the frame ends what its sender says on a stream.</summary>
    public static bool Ends(ReadOnlySpan<byte> frame) => frame[3] is Data or Headers && (frame[4] & EndStream) != 0;
}
