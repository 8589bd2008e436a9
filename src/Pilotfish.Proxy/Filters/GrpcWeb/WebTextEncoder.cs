using System.Buffers.Text;

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>
/// Encodes a gRPC body as application/grpc-web-text: base64 that is padded at the end of each message, so that a client can decode a message
/// as soon as it is there. Holds at most two bytes between calls, never a message.
/// </summary>
internal struct WebTextEncoder
{
    private GrpcFrameBoundary _boundary;
    private byte _carry0;
    private byte _carry1;
    private int _carried;

    /// <summary>Room that encoding so many bytes takes at most: messages of the fewest bytes (five) cost eight characters each.</summary>
    public static int RoomFor(int bytes) => (bytes * 2) + 16;

    /// <summary>Encodes a piece; what does not fill a quantum waits for the next one, or for the end of its message.</summary>
    public int Encode(ReadOnlySpan<byte> data, Span<byte> output)
    {
        int written = 0;
        while (!data.IsEmpty)
        {
            int length = _boundary.Advance(data, out bool ends);
            written += EncodePart(data[..length], ends, output[written..]);
            data = data[length..];
        }

        return written;
    }

    /// <summary>Encodes what is left of a body that ends within a message, or before its trailers.</summary>
    public int Finish(Span<byte> output) => EncodePart(default, last: true, output);

    /// <summary>Encodes bytes that are a unit of their own, such as the frame of the trailers.</summary>
    public int EncodeWhole(ReadOnlySpan<byte> data, Span<byte> output)
    {
        int written = Finish(output);
        return written + EncodePart(data, last: true, output[written..]);
    }

    private int EncodePart(ReadOnlySpan<byte> part, bool last, Span<byte> output)
    {
        int written = 0;
        if (_carried > 0)
        {
            Span<byte> quantum = [_carry0, _carry1, 0];
            int taken = Math.Min(3 - _carried, part.Length);
            part[..taken].CopyTo(quantum[_carried..]);
            part = part[taken..];
            _carried += taken;
            if (_carried < 3 && !last)
            {
                _carry0 = quantum[0];
                _carry1 = quantum[1];
                return 0;
            }

            Base64.EncodeToUtf8(quantum[.._carried], output, out _, out written);
            _carried = 0;
        }

        int whole = last ? part.Length : part.Length / 3 * 3;
        Base64.EncodeToUtf8(part[..whole], output[written..], out _, out int more);
        ReadOnlySpan<byte> rest = part[whole..];
        _carried = rest.Length;
        _carry0 = rest.Length > 0 ? rest[0] : (byte)0;
        _carry1 = rest.Length > 1 ? rest[1] : (byte)0;
        return written + more;
    }
}
