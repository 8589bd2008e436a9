using Pilotfish.Agent.Lifecycle;

namespace Pilotfish.Agent.Commands;

/// <summary>The roles of pilot-agent: <c>proxy</c>, <c>wait</c>, <c>request</c> and <c>version</c>, with its flags, defaults and exit codes.</summary>
public static class AgentCommand
{
    /// <summary>What pilot-agent ends with after any error; scripts and the kubelet see it.</summary>
    public const int ExitError = 255;

    /// <summary>Runs a role until it ends and returns the exit code.</summary>
    public static int Run(
        string role,
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> environment,
        TextWriter output,
        TextWriter errors) => Run(role, args, environment, output, errors, ProxyDataPlane.Start);

    // Internal for testing: with another data plane.
    /// <param name="role">proxy, wait, request or version.</param>
    /// <param name="args">What follows the role.</param>
    /// <param name="environment">The process's variables.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="errors">Standard error.</param>
    /// <param name="startDataPlane">Starts the data plane on the main loop; not called for --print-bootstrap.</param>
    internal static int Run(
        string role,
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> environment,
        TextWriter output,
        TextWriter errors,
        Func<DataPlaneInputs, IDataPlane> startDataPlane)
    {
        if (AgentHelp.Asked(role, args) is { } help)
        {
            output.WriteLine(help);
            return 0;
        }

        string? problem = role switch
        {
            "proxy" => ProxyCommand.Run(args, environment, output, errors, startDataPlane),
            "wait" => WaitCommand.Run(args, output),
            "request" => RequestCommand.Run(args, output),
            "version" => VersionCommand.Run(args, output),
            _ => $"unknown command \"{role}\" for \"pilot-agent\"",
        };
        if (problem is null)
        {
            return 0;
        }

        errors.WriteLine($"Error: {problem}");
        return ExitError;
    }
}
