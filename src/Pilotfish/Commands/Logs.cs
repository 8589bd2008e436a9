using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish logs POD`.</summary>
internal static class Logs
{
    public static Command Build()
    {
        var pod = new Argument<string>("POD") { Description = "name, namespace/name, or the beginning of a name" };
        var container = new Option<string?>("--container", "-c") { Description = "which container; the app's when left out" };
        var follow = new Option<bool>("--follow", "-f") { Description = "go on as it prints" };
        var mesh = new Option<string?>("--mesh") { Description = "which mesh, by its folder or id" };
        var command = new Command("logs", "Show what a container has printed.") { pod, container, follow, mesh };
        command.SetAction((parsed, stop) => LogsCommand.RunAsync(
            parsed.GetValue(mesh), parsed.GetRequiredValue(pod), parsed.GetValue(container), parsed.GetValue(follow),
            Console.OpenStandardOutput(), Console.Error, stop));
        return command;
    }
}
