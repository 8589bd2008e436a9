using System.Buffers.Binary;
using Pilotfish.Proxy.Http2;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// Cuts a body into gRPC messages: a byte of flags, four of length, the message. Memory grows with what arrived, never with what a length
/// claims; at most one message of the allowed size and one chunk are held. A mutable struct with one owner.
/// </summary>
internal struct GrpcMessageReader(int messageBytesMax)
{
    public const int PrefixBytes = 5;

    private ByteQueue _bytes;

    /// <summary>Whether bytes are left: at the end of a body, a message that was cut off.</summary>
    public readonly bool IsEmpty => _bytes.IsEmpty;

    public void Append(BufferPool pool, ReadOnlySpan<byte> data) => _bytes.Append(pool, data);

    /// <summary>The next message, if it is whole; it stays until <see cref="Consume"/>. A fault is told as soon as the prefix shows it.</summary>
    public readonly bool TryPeek(out ReadOnlySpan<byte> message, out GrpcFrameFault fault)
    {
        message = default;
        fault = GrpcFrameFault.None;
        ReadOnlySpan<byte> unread = _bytes.Unread;
        if (unread.IsEmpty)
        {
            return false;
        }

        if (unread[0] != 0)
        {
            fault = unread[0] == 1 ? GrpcFrameFault.Compressed : GrpcFrameFault.InvalidFlag;
            return false;
        }

        if (unread.Length < PrefixBytes)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(unread[1..]);
        if (length > (uint)messageBytesMax)
        {
            fault = GrpcFrameFault.TooLarge;
            return false;
        }

        if (unread.Length - PrefixBytes < (int)length)
        {
            return false;
        }

        message = unread.Slice(PrefixBytes, (int)length);
        return true;
    }

    public void Consume(int messageBytes) => _bytes.Consume(PrefixBytes + messageBytes);

    public void Release() => _bytes.Release();
}
