using Pilotfish.Capture.Processes;

namespace Pilotfish.Capture.Tests.Iptables;

/// <summary>Stands for the machine's programs: answers each call by a function and remembers it.</summary>
internal sealed class ScriptedRunner(Func<string, string, CommandResult> answer) : ICommandRunner
{
    public List<string> Calls { get; } = [];

    public CommandResult Run(string program, IReadOnlyList<string> args, string? input = null)
    {
        string call = $"{program} {string.Join(' ', args)}";
        Calls.Add(call);
        return answer(call, input ?? string.Empty);
    }

    public static CommandResult Ok(string output = "") => new(0, output, string.Empty);

    public static CommandResult Fail(string error, int exitCode = 1) => new(exitCode, string.Empty, error);
}
