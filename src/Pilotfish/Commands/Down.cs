using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish down [DIR]`, `pilotfish down --all`.</summary>
internal static class Down
{
    public static Command Build()
    {
        var mesh = MeshArgument.Build();
        var all = new Option<bool>("--all") { Description = "every mesh that runs on this machine" };
        var command = new Command("down", "Stop a mesh and remove everything it made.") { mesh, all };
        command.SetAction((parsed, _) => DownCommand.RunAsync(
            parsed.GetValue(mesh), parsed.GetValue(all), Console.Out, Console.Error));
        return command;
    }
}
