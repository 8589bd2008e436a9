using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace Pilotfish.Language.Formats;

/// <summary>
/// A reusable, growing buffer of UTF-8 into which programs write. Grows to the longest record once; a steady user allocates
/// nothing. Not thread safe: one per loop.
/// </summary>
public sealed class FormatOutput
{
    // A usual access log line fits without growing.
    private const int InitialBytes = 1024;

    // Longest decimal form of a 64-bit number with sign.
    private const int NumberBytesMax = 20;

    private byte[] _bytes = new byte[InitialBytes];
    private int _length;

    public int Length => _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, _length);

    public void Clear() => _length = 0;

    /// <summary>Empties it and gives back memory above <paramref name="retainedBytesMax"/>, which a rare burst had needed.</summary>
    public void Clear(int retainedBytesMax)
    {
        _length = 0;
        if (_bytes.Length > retainedBytesMax)
        {
            _bytes = new byte[InitialBytes];
        }
    }

    public void Append(byte value)
    {
        if (_length == _bytes.Length)
        {
            Grow(1);
        }

        _bytes[_length++] = value;
    }

    public void Append(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Reserve(text.Length));
        _length += text.Length;
    }

    public void Append(string text) => Append(text.AsSpan());

    public void Append(ReadOnlySpan<char> text) => _length += Encoding.UTF8.GetBytes(text, Reserve(text.Length * 3));

    public void Append(long number)
    {
        Utf8Formatter.TryFormat(number, Reserve(NumberBytesMax), out int written);
        _length += written;
    }

    /// <summary>A whole number with leading zeros, as times need it.</summary>
    public void AppendPadded(int number, int digits, byte pad = (byte)'0')
    {
        Span<byte> room = Reserve(Math.Max(digits, NumberBytesMax));
        int value = number;
        for (int i = digits - 1; i >= 0; i--)
        {
            room[i] = value == 0 && i < digits - 1 ? pad : (byte)('0' + (value % 10));
            value /= 10;
        }

        _length += digits;
    }

    /// <summary>A double in the shortest form that reads back to the same value.</summary>
    public void Append(double number)
    {
        // Whole numbers print without fraction or exponent, as JSON writers of the wire's other side do.
        if (number == Math.Floor(number) && Math.Abs(number) < 1e15)
        {
            Append((long)number);
            return;
        }

        Span<byte> room = Reserve(32);
        number.TryFormat(room, out int written, default, System.Globalization.CultureInfo.InvariantCulture);
        _length += written;
    }

    /// <summary>Room for at least <paramref name="bytes"/>; whoever fills it tells how much with <see cref="Advance"/>.</summary>
    public Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            Grow(bytes);
        }

        return _bytes.AsSpan(_length);
    }

    public void Advance(int bytes) => _length += bytes;

    /// <summary>Forgets what was written after the first <paramref name="length"/> bytes, whatever they are.</summary>
    public void Rewind(int length) => _length = Math.Min(_length, length);

    /// <summary>Bytes that were written before, to be overwritten in place; valid until the next write.</summary>
    public Span<byte> Patch(int start, int bytes) => _bytes.AsSpan(0, _length).Slice(start, bytes);

    /// <summary>Puts bytes between those that were written before.</summary>
    public void Insert(int at, ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        _bytes.AsSpan(at, _length - at).CopyTo(_bytes.AsSpan(at + bytes.Length));
        bytes.CopyTo(_bytes.AsSpan(at));
        _length += bytes.Length;
    }

    /// <summary>Overwrites every byte that is no part of well-formed UTF-8 in what was written since <paramref name="start"/>.</summary>
    public void ReplaceInvalidUtf8(int start, byte replacement)
    {
        Span<byte> rest = _bytes.AsSpan(start, _length - start);
        if (Utf8.IsValid(rest))
        {
            return;
        }

        while (!rest.IsEmpty)
        {
            bool valid = Rune.DecodeFromUtf8(rest, out _, out int bytes) == OperationStatus.Done;
            if (!valid)
            {
                rest[..bytes].Fill(replacement);
            }

            rest = rest[bytes..];
        }
    }

    /// <summary>Cuts what was written since <paramref name="start"/> to a number of bytes, never inside a character.</summary>
    public void Truncate(int start, int bytesMax)
    {
        if (_length - start <= bytesMax)
        {
            return;
        }

        int end = start + bytesMax;
        while (end > start && (_bytes[end] & 0xC0) == 0x80)
        {
            end--;
        }

        _length = end;
    }

    /// <summary>Replaces ASCII white space in what was written since <paramref name="start"/>.</summary>
    public void ReplaceWhiteSpace(int start, byte replacement)
    {
        foreach (ref byte value in _bytes.AsSpan(start, _length - start))
        {
            if (value is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f' or (byte)'\v')
            {
                value = replacement;
            }
        }
    }

    public override string ToString() => Encoding.UTF8.GetString(Written);

    private void Grow(int more) => Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + more));
}
