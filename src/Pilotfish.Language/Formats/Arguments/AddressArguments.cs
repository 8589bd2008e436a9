using System.Globalization;

namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of the _ADDRESS_WITHOUT_PORT operators: none, or the length of a prefix, which makes the address a range.</summary>
/// <param name="PrefixLength">0 to 128 bits, or null for the whole address.</param>
public readonly record struct AddressArguments(int? PrefixLength)
{
    private const int PrefixLengthMax = 128;

    public static AddressArguments Parse(FormatOperator source)
    {
        if (string.IsNullOrEmpty(source.Arguments))
        {
            return default;
        }

        return int.TryParse(source.Arguments, NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length <= PrefixLengthMax
            ? new AddressArguments(length)
            : throw source.Reject($"has the prefix length '({source.Arguments})'; it must be a number from 0 to {PrefixLengthMax}");
    }
}
