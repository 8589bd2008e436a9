using System.CommandLine;

namespace Pilotfish.Commands;

/// <summary>Every command of ours (those that replace no tool of Istio's parse like any modern program).</summary>
internal static class CommandTree
{
    public static Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Pilotfish: a service mesh's sidecar, control plane and tools.")
        {
            Up.Build(),
            Down.Build(),
            Get.Build(),
            Exec.Build(),
            Logs.Build(),
        };

        // Our commands end themselves on signals; a deadline here would cut off the removal of namespaces.
        return root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
