using System.CommandLine;
using Pilotfish.ControlPlane.Validation;

namespace Pilotfish.Commands;

/// <summary>`pilotfish validate FILE...`; `-f FILE` as the tool it replaces takes it.</summary>
internal static class Validate
{
    public static Command Build()
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "files and folders of manifests; '-' reads standard input",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var named = new Option<string[]>("--filename", "-f") { Description = "likewise; may be repeated" };
        var mesh = new Option<string?>("--meshConfigFile") { Description = "a file that holds a mesh configuration" };
        var command = new Command("validate", "Say whether manifests and a mesh configuration can be used, and where not.") { files, named, mesh };
        command.SetAction(parsed =>
        {
            string[] all = [.. parsed.GetValue(files) ?? [], .. parsed.GetValue(named) ?? []];
            if (all.Length == 0 && parsed.GetValue(mesh) is null)
            {
                Console.Error.WriteLine("error: a file is needed, such as 'pilotfish validate FILE'. 'pilotfish validate --help' shows how to call it.");
                return CommandTree.ExitUsage;
            }

            return ManifestCheck.Run(all, parsed.GetValue(mesh), Console.OpenStandardInput(), Console.Out, Console.Error);
        });
        return command;
    }
}
