using System.CommandLine;
using System.CommandLine.Help;

namespace Pilotfish.Commands;

/// <summary>Every command of ours (those that replace no tool of Istio's parse like any modern program).</summary>
internal static class CommandTree
{
    /// <summary>The roles that Program.cs reaches by name; listed so that help shows the whole program.</summary>
    private static readonly (string Name, string Description)[] s_roles =
    [
        ("serve", "The data plane alone, from an Envoy bootstrap (Envoy's flags)."),
        ("proxy", "The sidecar: agent and data plane in one process (pilot-agent's flags)."),
        ("wait", "Wait until the sidecar of this pod is ready (pilot-agent wait)."),
        ("request", "Send a request to the data plane's admin port (pilot-agent request)."),
        ("discovery", "The control plane (pilot-discovery's flags)."),
        ("translate", "Show what a manifest becomes for one proxy."),
        ("kube-inject", "Put sidecars into manifests (istioctl's flags)."),
        ("istio-iptables", "Redirect a pod's packets to its sidecar."),
        ("cni", "The CNI plugin: redirect from the node; a container runtime calls it."),
        ("install-cni", "Install the CNI plugin on a node and keep it installed."),
    ];

    /// <summary>A wrong command line.</summary>
    public const int ExitUsage = 64;

    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Pilotfish: a service mesh's sidecar, control plane and tools.")
        {
            Up.Build(),
            Down.Build(),
            Get.Build(),
            Exec.Build(),
            Logs.Build(),
            Validate.Build(),
            Version.Build(),
        };

        foreach ((string name, string description) in s_roles)
        {
            root.Add(new Command(name, description));
        }

        // Our commands end themselves on signals; a deadline here would cut off the removal of namespaces.
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            Console.Error.WriteLine("error: " + UsageProblem.Describe(parsed, args));
            return ExitUsage;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
