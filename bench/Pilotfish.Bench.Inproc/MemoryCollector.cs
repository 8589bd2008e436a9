using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// A collector that reads and forgets: HTTP/2 with windows that never end, an empty answer to each call that the client ends. No more than that, as
/// its cost counts as the logger's.
/// </summary>
internal static class MemoryCollector
{
    public static async void Serve(IByteStream stream)
    {
        byte[] buffer = new byte[256 * 1024];
        int length = 0;
        bool greeted = false;
        await stream.SendAsync(Http2Frames.Hello);
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(length));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            length += result.Bytes;
            if (!greeted && length < Http2Frames.PrefaceBytes)
            {
                continue;
            }

            int at = greeted ? 0 : Http2Frames.PrefaceBytes;
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
        size = Http2Frames.SizeOf(bytes);
        if (size == 0)
        {
            return false;
        }

        byte type = bytes[3];
        byte flags = bytes[4];
        int id = Http2Frames.StreamOf(bytes);
        answer = (type, flags) switch
        {
            (Http2Frames.Settings, 0) => Http2Frames.Frame(Http2Frames.Settings, Http2Frames.Ack, 0, []),
            (Http2Frames.Ping, 0) => Http2Frames.Frame(Http2Frames.Ping, Http2Frames.Ack, 0, bytes[Http2Frames.HeaderBytes..size]),
            (Http2Frames.Data, Http2Frames.EndStream) => Answer(id),
            // A window of 2^31 lasts for two gigabytes; the connection's is given back in pieces far larger than a frame.
            _ => [],
        };
        return true;
    }

    // :status 200 (indexed), an empty message, grpc-status: 0 (a literal that enters no table).
    private static byte[] Answer(int id) =>
    [
        .. Http2Frames.Frame(Http2Frames.Headers, Http2Frames.EndHeaders, id, [0x88]),
        .. Http2Frames.Frame(Http2Frames.Data, 0, id, [0, 0, 0, 0, 0]),
        .. Http2Frames.Frame(
            Http2Frames.Headers, Http2Frames.EndHeaders | Http2Frames.EndStream, id, [0x00, 11, .. "grpc-status"u8, 1, (byte)'0']),
    ];
}
