using System.Globalization;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>
/// One value of the runtime, read once into every form that a reader may ask for; a form that the text does not have is null and the
/// reader's default counts (envoy docs, configuration/operations/runtime). Immutable, any thread.
/// </summary>
public sealed class RuntimeEntry
{
    // What a number that is no FractionalPercent is a share of.
    private const uint Percent = 100;

    // A fractional percent is two short fields; longer text is not worth a YAML parser.
    private const int FractionTextMax = 256;

    private RuntimeEntry(string text) => Text = text;

    /// <summary>As it was written; what /runtime shows.</summary>
    public string Text { get; }

    /// <summary>As a number that is not negative, cut down to a whole one.</summary>
    public ulong? Integer { get; private init; }

    public double? Number { get; private init; }

    /// <summary>"true" and "false" in any case, and whole numbers: 0 is false.</summary>
    public bool? Flag { get; private init; }

    /// <summary>A FractionalPercent, or a whole number taken for a percentage.</summary>
    public Fraction? Share { get; private init; }

    /// <summary>Reads what an operator or a file says; never fails: text that is nothing else is text.</summary>
    public static RuntimeEntry Of(string text)
    {
        string value = text.Trim();
        if (value.Equals("true", StringComparison.OrdinalIgnoreCase) || value.Equals("false", StringComparison.OrdinalIgnoreCase))
        {
            return new RuntimeEntry(text) { Flag = value.Length == "true".Length };
        }

        if (double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
        {
            return Of(text, number);
        }

        return new RuntimeEntry(text) { Share = ReadShare(value) };
    }

    /// <summary>Reads a leaf of a layer that came as a message; null for a value that no runtime entry can have.</summary>
    internal static RuntimeEntry? Of(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.BoolValue => new RuntimeEntry(value.BoolValue ? "true" : "false") { Flag = value.BoolValue },
        Value.KindOneofCase.NumberValue => Of(value.NumberValue.ToString(CultureInfo.InvariantCulture), value.NumberValue),
        Value.KindOneofCase.StringValue => Of(value.StringValue),
        Value.KindOneofCase.StructValue => OfShare(value.StructValue),
        _ => null,
    };

    private static RuntimeEntry Of(string text, double number)
    {
        bool isWhole = number >= 0 && number < ulong.MaxValue;
        ulong? integer = isWhole ? (ulong)number : null;
        return new RuntimeEntry(text)
        {
            Number = number,
            Integer = integer,
            Flag = isWhole && number == Math.Truncate(number) ? number != 0 : null,
            Share = integer is { } percent ? new Fraction((uint)Math.Min(percent, Percent), Percent) : null,
        };
    }

    private static RuntimeEntry OfShare(Struct fields)
    {
        string numerator = fields.Fields.TryGetValue("numerator", out Value? first) ? TextOf(first) : "0";
        string denominator = fields.Fields.TryGetValue("denominator", out Value? second) ? TextOf(second) : nameof(FractionalPercent.Types.DenominatorType.Hundred).ToUpperInvariant();
        string text = $"{{numerator: {numerator}, denominator: {denominator}}}";
        return new RuntimeEntry(text) { Share = fields.Fields.Count <= 2 ? ReadShare(text) : null };
    }

    private static string TextOf(Value value) => value.KindCase == Value.KindOneofCase.NumberValue
        ? value.NumberValue.ToString(CultureInfo.InvariantCulture)
        : value.StringValue;

    private static Fraction? ReadShare(string text) =>
        text.Length <= FractionTextMax
        && (text == "{}" || text.Contains("numerator", StringComparison.Ordinal) || text.Contains("denominator", StringComparison.Ordinal))
        && MessageReader.Parse<FractionalPercent>(text, "runtime").Message is { } percent
        && System.Enum.IsDefined(percent.Denominator)
            ? Fraction.Of(percent)
            : null;
}
