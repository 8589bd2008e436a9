using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish get [DIR]`.</summary>
internal static class Get
{
    public static Command Build()
    {
        var mesh = MeshArgument.Build();
        var names = new Option<bool>("--names") { Description = "names alone, one a line" };
        var command = new Command("get", "Show the pods of a mesh.") { mesh, names };
        command.SetAction(parsed => GetCommand.Run(
            parsed.GetValue(mesh), parsed.GetValue(names), Console.Out, Console.Error));
        return command;
    }
}
