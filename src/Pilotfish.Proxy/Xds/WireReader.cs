namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Walks the fields of a protobuf message that is there whole, without a message type. Fields that are no bytes are stepped over.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _left = message;

    /// <summary>Why the walk ended before the message did; null while all is well.</summary>
    public string? Problem { get; private set; }

    /// <summary>The next field of bytes; false at the end and at bytes that are no message.</summary>
    public bool TryNext(out int field, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        while (TryKey(out field, out int type))
        {
            switch ((WireField)type)
            {
                case WireField.Bytes:
                    return TryVarint(out ulong length) && TryTake(length, out bytes);
                case WireField.Varint when TryVarint(out _):
                case WireField.Fixed64 when TryTake(sizeof(ulong), out _):
                case WireField.Fixed32 when TryTake(sizeof(uint), out _):
                    break;
                default:
                    Problem ??= $"wire type {type} does not exist";
                    return false;
            }
        }

        return false;
    }

    /// <summary>A field's number and wire type; false and no field for a key that is none.</summary>
    public static bool TrySplitKey(ulong key, out int field, out int type)
    {
        const ulong KeyMax = uint.MaxValue;
        const int TypeBits = 3;
        field = (int)((key & KeyMax) >> TypeBits);
        type = (int)(key & 7);
        return key <= KeyMax && field > 0;
    }

    private bool TryKey(out int field, out int type)
    {
        field = 0;
        type = 0;
        if (_left.IsEmpty || !TryVarint(out ulong key))
        {
            return false;
        }

        if (!TrySplitKey(key, out field, out type))
        {
            Problem = $"{key} is no field's key";
            return false;
        }

        return true;
    }

    private bool TryVarint(out ulong value)
    {
        const int VarintBytesMax = 10;
        value = 0;
        for (int i = 0; i < _left.Length && i < VarintBytesMax; i++)
        {
            value |= (ulong)(_left[i] & 0x7F) << (7 * i);
            if (_left[i] < 0x80)
            {
                _left = _left[(i + 1)..];
                return true;
            }
        }

        Problem = _left.Length < VarintBytesMax ? "it ends within a number" : "a number is longer than ten bytes";
        return false;
    }

    private bool TryTake(ulong length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (length > (ulong)_left.Length)
        {
            Problem = $"a field of {length} bytes reaches beyond its end";
            return false;
        }

        bytes = _left[..(int)length];
        _left = _left[(int)length..];
        return true;
    }
}
