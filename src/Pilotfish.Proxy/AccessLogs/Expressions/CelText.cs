using System.Buffers.Text;
using Pilotfish.Language.Cel;
using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>Writes a value of an expression into a record.</summary>
internal static class CelText
{
    /// <summary>Nothing for errors and null; lists and maps have no text form.</summary>
    public static FormatValueKind Append(FormatOutput output, scoped in CelValue value, bool typed, CelActivation activation)
    {
        FormatValueKind kind = typed ? FormatValueKind.Number : FormatValueKind.Text;
        switch (value.Kind)
        {
            case CelKind.String:
                output.Append(value.Text);
                return FormatValueKind.Text;
            case CelKind.Bytes when typed:
                Base64.EncodeToUtf8(value.Text, output.Reserve(Base64.GetMaxEncodedToUtf8Length(value.Text.Length)), out _, out int written);
                output.Advance(written);
                return FormatValueKind.Text;
            case CelKind.Bytes:
                output.Append(value.Text);
                return FormatValueKind.Text;
            case CelKind.Bool:
                output.Append(value.Boolean ? "true"u8 : "false"u8);
                return typed ? FormatValueKind.Json : FormatValueKind.Text;
            case CelKind.Int:
                output.Append(value.Bits);
                return kind;
            case CelKind.Double when double.IsFinite(value.Number):
                output.Append(value.Number);
                return kind;
            case CelKind.Uint or CelKind.Timestamp or CelKind.Duration or CelKind.Double:
                CelValue text = CelExpression.TextOf(in value, activation);
                output.Append(text.Text);
                return value.Kind == CelKind.Uint ? kind : FormatValueKind.Text;
            default:
                return FormatValueKind.Missing;
        }
    }
}
