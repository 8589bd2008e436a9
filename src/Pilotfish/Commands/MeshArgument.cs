using System.CommandLine;

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

        // A misspelt option would else be looked for as a folder.
        mesh.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.Tokens[0].Value.StartsWith('-'))
            {
                result.AddError($"Unrecognized option '{result.Tokens[0].Value}'.");
            }
        });
        return mesh;
    }
}
