using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish up DIR`.</summary>
internal static class Up
{
    public static Command Build()
    {
        var directory = new Argument<string>("DIR") { Description = "folder of Kubernetes and Istio manifests" };
        MeshArgument.RefuseOptions(directory);
        var detach = new Option<bool>("--detach", "-d") { Description = "return when the mesh is up, leave it running" };
        var publish = new Option<string[]>("--publish", "-p")
        {
            Description = "PORT:SERVICE:PORT, a port of this machine that leads to a service",
            DefaultValueFactory = _ => [],
        };
        var id = new Option<string?>("--mesh-id") { Hidden = true };
        var command = new Command("up", "Run a folder of manifests as a mesh on this machine.") { directory, detach, publish, id };
        command.SetAction((parsed, _) => UpCommand.RunAsync(
            parsed.GetRequiredValue(directory), parsed.GetValue(detach), parsed.GetValue(publish) ?? [], parsed.GetValue(id),
            Console.Out, Console.Error));
        return command;
    }
}
