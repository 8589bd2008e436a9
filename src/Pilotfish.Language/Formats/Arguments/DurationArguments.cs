namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of COMMON_DURATION: (START:END:PRECISION), precision ms, us or ns.</summary>
/// <param name="UnitNanoseconds">Nanoseconds in one unit of the number that is printed.</param>
public readonly record struct DurationArguments(StreamTimePoint Start, StreamTimePoint End, long UnitNanoseconds)
{
    private const long NanosecondsPerMillisecond = 1_000_000;
    private const long NanosecondsPerMicrosecond = 1000;

    // In the order of StreamTimePoint. Points that filters name themselves do not exist here: a typing error must not print '-' for ever.
    private static readonly string[] s_points =
    [
        "DS_RX_BEG", "DS_RX_END", "US_CX_BEG", "US_CX_END", "US_HS_END", "US_TX_BEG", "US_TX_END", "US_RX_BEG", "US_RX_BODY_BEG",
        "US_RX_END", "DS_TX_BEG", "DS_TX_END",
    ];

    public static DurationArguments Parse(FormatOperator source)
    {
        string[] parts = source.RequireArguments("START:END:PRECISION").Split(':');
        if (parts.Length != 3)
        {
            throw source.Reject($"needs START:END:PRECISION, but has '({source.Arguments})'");
        }

        StreamTimePoint start = Point(source, parts[0]);
        StreamTimePoint end = Point(source, parts[1]);
        long unit = parts[2] switch
        {
            "ms" => NanosecondsPerMillisecond,
            "us" => NanosecondsPerMicrosecond,
            "ns" => 1,
            _ => throw source.Reject($"has the precision '{parts[2]}'; it must be ms, us or ns"),
        };
        return new DurationArguments(start, end, unit);
    }

    private static StreamTimePoint Point(FormatOperator source, string name)
    {
        int index = Array.IndexOf(s_points, name);
        return index >= 0
            ? (StreamTimePoint)index
            : throw source.Reject($"has the time point '{name}'; there are {string.Join(", ", s_points)}");
    }
}
