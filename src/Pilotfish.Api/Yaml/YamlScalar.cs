using System.Globalization;

namespace Pilotfish.Api.Yaml;

/// <summary>A leaf. <see cref="Text"/> is what was written, without quotes and escapes.</summary>
public sealed class YamlScalar : YamlNode
{
    public YamlScalar(string text, YamlScalarKind kind, SourcePosition position = default)
        : base(position)
    {
        Text = text;
        Kind = kind;
    }

    public string Text { get; }

    public YamlScalarKind Kind { get; }

    public override string KindName => Kind switch
    {
        YamlScalarKind.Null => "null",
        YamlScalarKind.Boolean => "a boolean",
        YamlScalarKind.Integer => "a number",
        YamlScalarKind.Float => "a number",
        _ => "a string",
    };

    public static YamlScalar String(string text) => new(text, YamlScalarKind.String);

    public static YamlScalar Integer(long value) =>
        new(value.ToString(CultureInfo.InvariantCulture), YamlScalarKind.Integer);

    public static YamlScalar Boolean(bool value) => new(value ? "true" : "false", YamlScalarKind.Boolean);

    public static YamlScalar Null() => new("null", YamlScalarKind.Null);

    public bool TryGetBoolean(out bool value)
    {
        value = Kind == YamlScalarKind.Boolean && Text[0] is 't' or 'T';
        return Kind == YamlScalarKind.Boolean;
    }

    /// <summary>True for integers, and for floats that have no fraction, such as 1e3.</summary>
    public bool TryGetInteger(out Int128 value)
    {
        value = 0;
        return Kind switch
        {
            YamlScalarKind.Integer => ScalarResolver.TryParseInteger(Text, out value),
            YamlScalarKind.Float => ScalarResolver.TryParseWholeFloat(Text, out value),
            _ => false,
        };
    }

    public bool TryGetDouble(out double value)
    {
        value = 0;
        if (Kind == YamlScalarKind.Integer && ScalarResolver.TryParseInteger(Text, out Int128 whole))
        {
            value = (double)whole;
            return true;
        }

        return Kind is YamlScalarKind.Float or YamlScalarKind.Integer && ScalarResolver.TryParseFloat(Text, out value);
    }

    public override YamlNode Clone() => new YamlScalar(Text, Kind, Position);

    public override bool ContentEquals(YamlNode? other)
    {
        if (other is not YamlScalar scalar)
        {
            return false;
        }

        if (Kind == YamlScalarKind.Null || scalar.Kind == YamlScalarKind.Null)
        {
            return Kind == scalar.Kind;
        }

        if (TryGetBoolean(out bool left) && scalar.TryGetBoolean(out bool right))
        {
            return left == right;
        }

        if (TryGetInteger(out Int128 leftWhole) && scalar.TryGetInteger(out Int128 rightWhole))
        {
            return leftWhole == rightWhole;
        }

        return Kind == scalar.Kind && string.Equals(Text, scalar.Text, StringComparison.Ordinal);
    }

    public override string ToString() => Text;
}
