using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>Scalars, enums and map keys to wire bytes, with a sentence for each that does not fit.</summary>
internal sealed class ScalarEncoder(ReadProblems problems)
{
    public void Write(FieldShape field, YamlNode node, CodedOutputStream output)
    {
        if (node is not YamlScalar scalar)
        {
            problems.Error(node.Position, $"The field '{field.JsonName}' takes {Expected(field)}, but this is {node.KindName}.");
            return;
        }

        Write(field, scalar, $"The field '{field.JsonName}'", output);
    }

    /// <summary>A message that stands for one scalar; errors do not show its own field, which nobody writes.</summary>
    public void WriteWrapped(FieldShape value, YamlNode node, CodedOutputStream output)
    {
        const string Subject = "The field";
        if (node is not YamlScalar scalar)
        {
            problems.Error(node.Position, $"{Subject} takes {Expected(value)}, but this is {node.KindName}.");
            return;
        }

        Write(value, scalar, Subject, output);
    }

    public void WriteMapKey(FieldShape keyField, YamlEntry entry, CodedOutputStream output)
    {
        YamlScalarKind kind = keyField.FieldType == FieldType.String
            ? YamlScalarKind.String
            : ScalarResolver.Resolve(entry.Key);
        Write(keyField, new YamlScalar(entry.Key, kind, entry.KeyPosition), $"The key '{entry.Key}'", output);
    }

    private void Write(FieldShape field, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        switch (field.FieldType)
        {
            case FieldType.String:
                WriteString(field.FieldNumber, scalar, subject, output);
                break;
            case FieldType.Bytes:
                WriteBytes(field.FieldNumber, scalar, subject, output);
                break;
            case FieldType.Bool:
                if (!scalar.TryGetBoolean(out bool flag))
                {
                    problems.Error(scalar.Position, $"{subject} takes true or false, but this is {Show(scalar)}.");
                    break;
                }

                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteBool(flag);
                break;
            case FieldType.Double or FieldType.Float:
                WriteFloat(field, scalar, subject, output);
                break;
            case FieldType.Enum:
                WriteEnum(field, scalar, subject, output);
                break;
            default:
                WriteInteger(field, scalar, subject, output);
                break;
        }
    }

    private void WriteString(int number, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        if (scalar.Kind != YamlScalarKind.String)
        {
            problems.Error(
                scalar.Position, $"{subject} takes a string, but this is {Show(scalar)}. Put it in quotes: \"{scalar.Text}\".");
            return;
        }

        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteString(scalar.Text);
    }

    private void WriteBytes(int number, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        if (!TryDecodeBase64(scalar.Text, out byte[] bytes))
        {
            problems.Error(scalar.Position, $"{subject} takes bytes in base64, but this is {Show(scalar)}.");
            return;
        }

        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(bytes));
    }

    private void WriteFloat(FieldShape field, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        bool isFloat = field.FieldType == FieldType.Float;
        if (!TryGetDouble(scalar, out double value) || (isFloat && double.IsFinite(value) && !float.IsFinite((float)value)))
        {
            problems.Error(scalar.Position, $"{subject} takes a number, but this is {Show(scalar)}.");
            return;
        }

        output.WriteTag(field.FieldNumber, isFloat ? WireFormat.WireType.Fixed32 : WireFormat.WireType.Fixed64);
        if (isFloat)
        {
            output.WriteFloat((float)value);
        }
        else
        {
            output.WriteDouble(value);
        }
    }

    private void WriteEnum(FieldShape field, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        int number;
        if (scalar.Kind == YamlScalarKind.Null && field.EnumType.FullName == WellKnownEncoder.NullValueName)
        {
            number = 0;
        }
        else if (scalar.TryGetInteger(out Int128 given) && given >= int.MinValue && given <= int.MaxValue)
        {
            number = (int)given;
        }
        else if (field.EnumType.TryGetNumber(scalar.Text, out int named))
        {
            number = named;
        }
        else
        {
            string? nearest = NearestName.Find(scalar.Text, field.EnumType.Names);
            string hint = nearest is null
                ? $"Its values are {string.Join(", ", field.EnumType.Names)}."
                : $"Did you mean '{nearest}'?";
            problems.Error(scalar.Position, $"{subject} has no value '{scalar.Text}'. {hint}");
            return;
        }

        output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
        output.WriteEnum(number);
    }

    private void WriteInteger(FieldShape field, YamlScalar scalar, string subject, CodedOutputStream output)
    {
        (Int128 least, Int128 most) = Range(field.FieldType);
        bool isQuoted = scalar.Kind == YamlScalarKind.String;
        YamlScalar number = isQuoted ? new YamlScalar(scalar.Text, DecimalKind(scalar.Text)) : scalar;
        if (!number.TryGetInteger(out Int128 value))
        {
            problems.Error(scalar.Position, $"{subject} takes a whole number, but this is {Show(scalar)}.");
            return;
        }

        if (value < least || value > most)
        {
            problems.Error(scalar.Position, $"{subject} takes a whole number from {least} to {most}, but this is '{scalar.Text}'.");
            return;
        }

        switch (field.FieldType)
        {
            case FieldType.Fixed32 or FieldType.SFixed32:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed32);
                output.WriteFixed32((uint)(value & uint.MaxValue));
                break;
            case FieldType.Fixed64 or FieldType.SFixed64:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed64);
                output.WriteFixed64((ulong)(value & ulong.MaxValue));
                break;
            case FieldType.SInt32:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteSInt32((int)value);
                break;
            case FieldType.SInt64:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteSInt64((long)value);
                break;
            default:
                // Negative values of 32-bit fields are sign-extended on the wire, as 64-bit ones are.
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteUInt64((ulong)(value & ulong.MaxValue));
                break;
        }
    }

    /// <summary>Numbers in quotes are decimal: "0644" is 644 there, in JSON's way.</summary>
    private static YamlScalarKind DecimalKind(string text)
    {
        bool isDecimal = text.Length > 0 && (text.Length == 1 || text.TrimStart('-')[..1] != "0");
        return isDecimal && ScalarResolver.Resolve(text) is YamlScalarKind.Integer or YamlScalarKind.Float
            ? ScalarResolver.Resolve(text)
            : YamlScalarKind.String;
    }

    public static bool TryDecodeBase64(string text, out byte[] bytes)
    {
        // Both alphabets, padded or not, and the line breaks of block scalars.
        string standard = text.Replace('-', '+').Replace('_', '/').TrimEnd('=', '\n', ' ');
        string padded = standard.PadRight(standard.Length + ((4 - (standard.Length % 4)) % 4), '=');
        bytes = new byte[padded.Length];
        if (!Convert.TryFromBase64String(padded, bytes, out int written))
        {
            return false;
        }

        bytes = bytes[..written];
        return true;
    }

    public static bool TryGetDouble(YamlScalar scalar, out double value)
    {
        switch (scalar.Kind, scalar.Text)
        {
            case (YamlScalarKind.String, "NaN"):
                value = double.NaN;
                return true;
            case (YamlScalarKind.String, "Infinity"):
                value = double.PositiveInfinity;
                return true;
            case (YamlScalarKind.String, "-Infinity"):
                value = double.NegativeInfinity;
                return true;
            case (YamlScalarKind.String, _):
                return double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                    && double.IsFinite(value);
            default:
                return scalar.TryGetDouble(out value);
        }
    }

    public static string Show(YamlScalar scalar) =>
        scalar.Kind == YamlScalarKind.String ? $"the string '{scalar.Text}'" : $"'{scalar.Text}'";

    private static (Int128 Least, Int128 Most) Range(FieldType type) => type switch
    {
        FieldType.UInt32 or FieldType.Fixed32 => (0, uint.MaxValue),
        FieldType.UInt64 or FieldType.Fixed64 => (0, ulong.MaxValue),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => (int.MinValue, int.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };

    private static string Expected(FieldShape field) => field.FieldType switch
    {
        FieldType.String => "a string",
        FieldType.Bytes => "bytes in base64",
        FieldType.Bool => "true or false",
        FieldType.Enum => $"a value of '{field.EnumType.Name}'",
        _ => "a number",
    };
}
