namespace Pilotfish.Capture.Command;

/// <summary>The text of `--help`, made from a flag table.</summary>
internal static class FlagHelp
{
    public static void Write(TextWriter output, string program, string purpose, IReadOnlyList<FlagDefinition> flags)
    {
        output.WriteLine(purpose);
        output.WriteLine();
        output.WriteLine($"Usage: {program} [flags]");
        output.WriteLine();
        foreach (FlagDefinition flag in flags)
        {
            string letter = flag.Letter is char c ? $"-{c}, " : "    ";
            string variables = flag.Variables.Length > 0 ? $" [{string.Join(", ", flag.Variables)}]" : string.Empty;
            string value = flag.Default is "" or "false" ? string.Empty : $" (default {flag.Default})";
            output.WriteLine($"  {letter}--{flag.Name,-36} {flag.Help}{value}{variables}");
        }
    }
}
