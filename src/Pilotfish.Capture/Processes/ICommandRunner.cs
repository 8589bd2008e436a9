namespace Pilotfish.Capture.Processes;

/// <summary>Runs a program to its end. Tests put a scripted one here.</summary>
internal interface ICommandRunner
{
    CommandResult Run(string program, IReadOnlyList<string> args, string? input = null);
}
