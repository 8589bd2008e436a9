using System.Buffers.Binary;
using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// Writes protobuf fields by number straight into a worker's buffer: a record costs no message object and no managed byte. As proto3
/// has it, a value equal to its type's default is left out; the names of the numbers are in the .proto files of Pilotfish.Api.
/// </summary>
internal readonly struct WireWriter(FormatOutput output)
{
    private const int Fixed64Type = 1;
    private const int LengthType = 2;

    // Of what no UTF-8 can hold: a receiver refuses the whole message for one such byte, so it becomes Envoy's own replacement.
    private const byte InvalidByteReplacement = (byte)'!';

    /// <summary>Where a nested message's text is formatted to, between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public FormatOutput Output { get; } = output;

    public void Number(int field, long value) => Number(field, (ulong)value);

    public void Number(int field, ulong value)
    {
        if (value != 0)
        {
            Member(field, value);
        }
    }

    public void Flag(int field, bool value) => Number(field, value ? 1UL : 0UL);

    /// <summary>A number that is written even when 0: a member of a oneof, whose presence says something.</summary>
    public void Member(int field, ulong value)
    {
        Varint((ulong)field << 3);
        Varint(value);
    }

    public void Fixed64(int field, ulong value)
    {
        if (value != 0)
        {
            Varint(((ulong)field << 3) | Fixed64Type);
            BinaryPrimitives.WriteUInt64LittleEndian(Output.Reserve(sizeof(ulong)), value);
            Output.Advance(sizeof(ulong));
        }
    }

    /// <summary>A double that is written even when 0.</summary>
    public void Member(int field, double value)
    {
        Varint(((ulong)field << 3) | Fixed64Type);
        BinaryPrimitives.WriteDoubleLittleEndian(Output.Reserve(sizeof(double)), value);
        Output.Advance(sizeof(double));
    }

    /// <summary>Text from the network or config; bytes that are no UTF-8 are replaced.</summary>
    public void Text(int field, ReadOnlySpan<byte> utf8)
    {
        if (!utf8.IsEmpty)
        {
            int start = Begin(field);
            Output.Append(utf8);
            EndText(start);
        }
    }

    public void Text(int field, string? text)
    {
        if (!string.IsNullOrEmpty(text))
        {
            TextMember(field, text);
        }
    }

    /// <summary>Text that is written even when empty: a member of a oneof or a map's value.</summary>
    public void TextMember(int field, string text)
    {
        int start = Begin(field);
        Output.Append(text);
        End(start);
    }

    /// <summary>Bytes, or a message that is serialized already.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Varint(((ulong)field << 3) | LengthType);
        Varint((ulong)bytes.Length);
        Output.Append(bytes);
    }

    /// <summary>Begins a nested message or a text of unknown length; give what it returns to <see cref="End"/>.</summary>
    public int Begin(int field)
    {
        Varint(((ulong)field << 3) | LengthType);

        // One byte holds lengths up to 127, which most nested messages have; longer ones move to make room.
        Output.Append((byte)0);
        return Output.Length;
    }

    public void End(int start)
    {
        int length = Output.Length - start;
        Span<byte> prefix = stackalloc byte[5];
        int bytes = WriteVarint(prefix, (ulong)length);
        Output.Patch(start - 1, 1)[0] = prefix[0];
        if (bytes > 1)
        {
            Output.Insert(start, prefix[1..bytes]);
        }
    }

    /// <summary>Ends a text that was formatted from bytes of the network.</summary>
    public void EndText(int start)
    {
        Output.ReplaceInvalidUtf8(start, InvalidByteReplacement);
        End(start);
    }

    /// <summary>Writes a varint of at most 10 bytes; returns how many.</summary>
    public static int WriteVarint(Span<byte> room, ulong value)
    {
        int at = 0;
        for (; value >= 0x80; value >>= 7)
        {
            room[at++] = (byte)(value | 0x80);
        }

        room[at++] = (byte)value;
        return at;
    }

    private void Varint(ulong value) => Output.Advance(WriteVarint(Output.Reserve(10), value));
}
