using System.CommandLine;
using System.CommandLine.Parsing;

namespace Pilotfish.Commands;

/// <summary>The DIR of commands that act on a running mesh.</summary>
internal static class MeshArgument
{
    public static Argument<string?> Build()
    {
        var mesh = new Argument<string?>("DIR")
        {
            Description = "which mesh, by its folder or id; when left out the current folder's, else the only one",
            Arity = ArgumentArity.ZeroOrOne,
        };

        RefuseOptions(mesh);
        return mesh;
    }

    /// <summary>A misspelt option would else be looked for as a folder.</summary>
    public static void RefuseOptions<T>(Argument<T> folder) =>
        folder.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.Tokens[0].Value.StartsWith('-') && result.Parent is CommandResult { Command: var command })
            {
                result.AddError(UsageProblem.Unknown(command, result.Tokens[0].Value));
            }
        });
}
