using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish version`, with istioctl's flags and their defaults.</summary>
internal static class Version
{
    public static Command Build()
    {
        var isShort = new Option<bool>("--short", "-s")
        {
            Description = "versions alone; --short=false prints all that is known",
            DefaultValueFactory = _ => true,
        };
        var output = new Option<string?>("--output", "-o") { Description = "'yaml' or 'json'" };
        var remote = new Option<bool>("--remote")
        {
            Description = "ask the mesh that runs here, too; --remote=false prints this program's version alone",
            DefaultValueFactory = _ => true,
        };
        var mesh = new Option<string?>("--mesh") { Description = "which mesh, by its folder or id" };
        var command = new Command("version", "Print the versions of this program and of the mesh that runs.") { isShort, output, remote, mesh };
        command.SetAction((parsed, _) => VersionCommand.RunAsync(
            parsed.GetValue(mesh), parsed.GetValue(remote), parsed.GetValue(isShort), parsed.GetValue(output) ?? "",
            Console.Out, Console.Error));
        return command;
    }
}
