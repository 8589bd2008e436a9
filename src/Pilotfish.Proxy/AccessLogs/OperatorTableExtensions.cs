using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Short ways to enter operators that take no arguments.</summary>
internal static class OperatorTableExtensions
{
    public static void AddPlain(
        this Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, FormatOperation operation) =>
        all.Add(name, _ => operation);

    /// <summary>A text that is null or empty when missing.</summary>
    public static void AddText(
        this Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, Func<FormatSource, string?> text) =>
        all.AddPlain(name, (in FormatSource source, FormatOutput output) => Write(output, text(source)));

    public static void AddNumber(
        this Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, Func<FormatSource, long> number) =>
        all.AddPlain(name, (in FormatSource source, FormatOutput output) =>
        {
            output.Append(number(source));
            return FormatValueKind.Number;
        });

    public static FormatValueKind Write(FormatOutput output, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return FormatValueKind.Missing;
        }

        output.Append(text);
        return FormatValueKind.Text;
    }
}
