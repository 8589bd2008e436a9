using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Commands;

/// <summary><c>version</c> of pilot-agent: what this executable is; nobody is asked.</summary>
internal static class VersionCommand
{
    private const string ShortFlag = "short";
    private const string OutputFlag = "output";

    public static string? Run(IReadOnlyList<string> args, TextWriter output)
    {
        FlagSet flags = new FlagSet().Boolean(ShortFlag, fallback: false, shorthand: "s").Text(OutputFlag, shorthand: "o");
        if (flags.Parse(args, tolerateUnknown: false) is { } problem)
        {
            return problem;
        }

        if (flags.Arguments.Count > 0)
        {
            return $"'version' takes no argument, but '{flags.Arguments[0]}' was given";
        }

        string format = flags.GetText(OutputFlag);
        if (VersionReport.Problem(format) is { } wrong)
        {
            return wrong;
        }

        new VersionReport(BuildInfo.Current).Write(output, format, flags.GetBoolean(ShortFlag));
        return null;
    }
}
