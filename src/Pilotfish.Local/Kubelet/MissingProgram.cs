using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;

namespace Pilotfish.Local.Kubelet;

/// <summary>Why a shell's exit code 127 came: the program of a command relative to the manifests' folder is not there.</summary>
internal static class MissingProgram
{
    private const int ExitNotFound = 127;

    /// <summary>A folder's own script with this name is taken to make what its manifests run.</summary>
    private const string BuildScript = "build.sh";

    /// <summary>The end of a sentence about the container's end; empty where something else ended it.</summary>
    public static string Explain(ContainerSpec container, int exitCode, string manifestFolder)
    {
        if (exitCode != ExitNotFound || container.WorkingDirectory is not null || ContainerReader.IsOwnImage(container.Image)
            || container.Command is not [var program, ..])
        {
            return "";
        }

        // A name without a slash is looked for in PATH; a variable is known only to the container.
        if (!program.Contains('/', StringComparison.Ordinal) || program.StartsWith('/') || program.Contains("$(", StringComparison.Ordinal)
            || File.Exists(Path.Combine(manifestFolder, program)))
        {
            return "";
        }

        string script = Path.Combine(manifestFolder, BuildScript);
        string remedy = File.Exists(script)
            ? $"run {Shell.Quote(script)}, which makes it"
            : "put it there (commands are relative to the manifests' folder)";
        return $": its program '{program}' is missing in {manifestFolder}; {remedy}";
    }
}
