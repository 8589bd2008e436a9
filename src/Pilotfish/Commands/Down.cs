using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish down [DIR]`.</summary>
internal static class Down
{
    public static Command Build()
    {
        var mesh = MeshArgument.Build();
        var command = new Command("down", "Stop a mesh and remove everything it made.") { mesh };
        command.SetAction((parsed, _) => DownCommand.RunAsync(parsed.GetValue(mesh), Console.Out, Console.Error));
        return command;
    }
}
