namespace Pilotfish.Capture.Command;

/// <summary>The text of `istio-iptables --help`, made from the flag table.</summary>
internal static class IptablesHelp
{
    public static void Write(TextWriter output)
    {
        output.WriteLine("Sets the rules that take a pod's traffic to its sidecar.");
        output.WriteLine();
        output.WriteLine("Usage: istio-iptables [flags]");
        output.WriteLine();
        foreach (FlagDefinition flag in IptablesFlags.All)
        {
            string letter = flag.Letter is char c ? $"-{c}, " : "    ";
            string variables = flag.Variables.Length > 0 ? $" [{string.Join(", ", flag.Variables)}]" : string.Empty;
            string value = flag.Default is "" or "false" ? string.Empty : $" (default {flag.Default})";
            output.WriteLine($"  {letter}--{flag.Name,-36} {flag.Help}{value}{variables}");
        }
    }
}
