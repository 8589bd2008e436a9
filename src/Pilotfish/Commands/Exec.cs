using System.CommandLine;
using Pilotfish.Local.Commands;

namespace Pilotfish.Commands;

/// <summary>`pilotfish exec POD -- CMD...`.</summary>
internal static class Exec
{
    public static Command Build()
    {
        var pod = new Argument<string>("POD") { Description = "name, namespace/name, or the beginning of a name" };
        var words = new Argument<string[]>("CMD") { Description = "the command, after --", Arity = ArgumentArity.OneOrMore };
        var container = new Option<string?>("--container", "-c") { Description = "which container; the app's when left out" };
        var mesh = new Option<string?>("--mesh") { Description = "which mesh, by its folder or id" };
        var command = new Command("exec", "Run a command in a pod.") { pod, words, container, mesh };
        command.SetAction((parsed, _) => ExecCommand.RunAsync(
            parsed.GetValue(mesh), parsed.GetRequiredValue(pod), parsed.GetValue(container), parsed.GetRequiredValue(words), Console.Error));
        return command;
    }
}
