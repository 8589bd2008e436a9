using System.Buffers.Binary;
using Pilotfish.Proxy.Http2;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// Cuts a body into gRPC messages: a byte of flags, four of length, the message. Memory grows with what arrived, never with what a length
/// claims. Messages are taken whole, and then at most one of the allowed size and one chunk are held, or in parts, and then one chunk; one
/// reader's owner keeps to one of the two. A mutable struct with one owner.
/// </summary>
internal struct GrpcMessageReader(int messageBytesMax)
{
    public const int PrefixBytes = 5;

    private ByteQueue _bytes;

    // What is still to come of a message that is taken in parts.
    private int _left;
    private bool _isWithin;

    /// <summary>Whether nothing is left: at the end of a body, whether no message was cut off.</summary>
    public readonly bool IsEmpty => _bytes.IsEmpty && !_isWithin;

    /// <summary>Bytes that are held.</summary>
    public readonly int Length => _bytes.Length;

    public void Append(BufferPool pool, ReadOnlySpan<byte> data) => _bytes.Append(pool, data);

    /// <summary>The next message, if it is whole; it stays until <see cref="Consume"/>. A fault is told as soon as the prefix shows it.</summary>
    public readonly bool TryPeek(out ReadOnlySpan<byte> message, out GrpcFrameFault fault)
    {
        message = default;
        ReadOnlySpan<byte> unread = _bytes.Unread;
        if (!TryReadPrefix(unread, out int length, out fault) || unread.Length - PrefixBytes < length)
        {
            return false;
        }

        message = unread.Slice(PrefixBytes, length);
        return true;
    }

    public void Consume(int messageBytes) => _bytes.Consume(PrefixBytes + messageBytes);

    /// <summary>What is there of a message; it stays until <see cref="ConsumePart"/>. Empty only for an empty message.</summary>
    /// <param name="part">The next bytes of the message.</param>
    /// <param name="end">Whether the message ends with them.</param>
    /// <param name="fault">Told as soon as a prefix shows it.</param>
    public bool TryPeekPart(out ReadOnlySpan<byte> part, out bool end, out GrpcFrameFault fault)
    {
        part = default;
        end = false;
        fault = GrpcFrameFault.None;
        if (!_isWithin)
        {
            if (!TryReadPrefix(_bytes.Unread, out _left, out fault))
            {
                return false;
            }

            _bytes.Consume(PrefixBytes);
            _isWithin = true;
        }

        ReadOnlySpan<byte> unread = _bytes.Unread;
        part = unread[..Math.Min(unread.Length, _left)];
        end = part.Length == _left;
        return end || !part.IsEmpty;
    }

    public void ConsumePart(int bytes)
    {
        _bytes.Consume(bytes);
        _left -= bytes;
        _isWithin = _left > 0;
    }

    public void Release()
    {
        _bytes.Release();
        _isWithin = false;
    }

    private readonly bool TryReadPrefix(ReadOnlySpan<byte> unread, out int length, out GrpcFrameFault fault)
    {
        length = 0;
        fault = GrpcFrameFault.None;
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

        uint claimed = BinaryPrimitives.ReadUInt32BigEndian(unread[1..]);
        if (claimed > (uint)messageBytesMax)
        {
            fault = GrpcFrameFault.TooLarge;
            return false;
        }

        length = (int)claimed;
        return true;
    }
}
