using System.Buffers.Binary;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// A collector that reads and forgets: HTTP/2 with windows that never end, an empty answer to each call that the client ends. No more than that, as
/// its cost counts as the logger's.
/// </summary>
internal static class MemoryCollector
{
    private const int HeaderBytes = 9;
    private const int PrefaceBytes = 24;
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Settings = 4;
    private const byte Ping = 6;
    private const byte WindowUpdate = 8;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    // SETTINGS_INITIAL_WINDOW_SIZE and a WINDOW_UPDATE of the connection: both to the most that there is.
    private static readonly byte[] s_hello =
    [
        .. Frame(Settings, 0, 0, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]), .. Frame(WindowUpdate, 0, 0, [0x7F, 0xFF, 0, 0]),
    ];

    public static async void Serve(IByteStream stream)
    {
        byte[] buffer = new byte[256 * 1024];
        int length = 0;
        bool greeted = false;
        await stream.SendAsync(s_hello);
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(length));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            length += result.Bytes;
            if (!greeted && length < PrefaceBytes)
            {
                continue;
            }

            int at = greeted ? 0 : PrefaceBytes;
            greeted = true;
            while (TryFrame(buffer.AsSpan(at, length - at), out int size, out byte[] answer))
            {
                at += size;
                if (answer.Length > 0)
                {
                    await stream.SendAsync(answer);
                }
            }

            buffer.AsSpan(at, length - at).CopyTo(buffer);
            length -= at;
        }
    }

    private static bool TryFrame(ReadOnlySpan<byte> bytes, out int size, out byte[] answer)
    {
        answer = [];
        size = bytes.Length < HeaderBytes ? int.MaxValue : HeaderBytes + (bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
        if (bytes.Length < size)
        {
            return false;
        }

        byte type = bytes[3];
        byte flags = bytes[4];
        int id = BinaryPrimitives.ReadInt32BigEndian(bytes[5..]);
        answer = (type, flags) switch
        {
            (Settings, 0) => Frame(Settings, 1, 0, []),
            (Ping, 0) => Frame(Ping, 1, 0, bytes[HeaderBytes..size]),
            (Data, EndStream) => Answer(id),
            // A window of 2^31 lasts for two gigabytes; the connection's is given back in pieces far larger than a frame.
            _ => [],
        };
        return true;
    }

    // :status 200 (indexed), an empty message, grpc-status: 0 (a literal that enters no table).
    private static byte[] Answer(int id) =>
    [
        .. Frame(Headers, EndHeaders, id, [0x88]),
        .. Frame(Data, 0, id, [0, 0, 0, 0, 0]),
        .. Frame(Headers, EndHeaders | EndStream, id, [0x00, 11, .. "grpc-status"u8, 1, (byte)'0']),
    ];

    private static byte[] Frame(byte type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[HeaderBytes + payload.Length];
        frame[0] = (byte)(payload.Length >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(1), (ushort)payload.Length);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), id);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }
}
