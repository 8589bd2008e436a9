using System.Numerics;

namespace Pilotfish.Language.Numbers;

/// <summary>
/// Whole numbers as peers write them: decimal digits from the first character to the last. The parsers of .NET read more than that, each
/// something else: signs, blanks around the digits, NULs or any text behind them. A proxy that takes such a number and a server that
/// does not (or the other way round) act on different requests. Callable from any thread; allocates nothing.
/// </summary>
public static class DecimalText
{
    /// <summary>Reads digits alone; leading zeros are allowed. False, and 0, for anything else and for a number that T does not hold.</summary>
    public static bool TryParse<T>(ReadOnlySpan<byte> text, out T value)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => TryParse<byte, T>(text, out value);

    /// <inheritdoc cref="TryParse{T}(ReadOnlySpan{byte}, out T)"/>
    public static bool TryParse<T>(ReadOnlySpan<char> text, out T value)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => TryParse<char, T>(text, out value);

    /// <summary>The same with an optional <c>-</c> before the digits, where negative numbers mean something.</summary>
    public static bool TryParseSigned(ReadOnlySpan<byte> text, out long value)
    {
        bool negative = text is [(byte)'-', ..];
        if (!TryParse(negative ? text[1..] : text, out ulong magnitude) || magnitude > (negative ? 1UL << 63 : long.MaxValue))
        {
            value = 0;
            return false;
        }

        value = negative ? unchecked(-(long)magnitude) : (long)magnitude;
        return true;
    }

    private static bool TryParse<TUnit, T>(ReadOnlySpan<TUnit> text, out T value)
        where TUnit : struct, IBinaryInteger<TUnit>
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        value = T.Zero;
        if (text.IsEmpty)
        {
            return false;
        }

        ulong most = ulong.CreateTruncating(T.MaxValue);
        ulong number = 0;
        foreach (TUnit unit in text)
        {
            uint digit = uint.CreateTruncating(unit) - '0';
            if (digit > 9 || number > (most - digit) / 10)
            {
                return false;
            }

            number = (number * 10) + digit;
        }

        value = T.CreateTruncating(number);
        return true;
    }
}
