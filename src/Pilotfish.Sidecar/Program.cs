using Pilotfish.Agent.Commands;
using Pilotfish.Api.Names;
using Pilotfish.Capture;
using Pilotfish.Proxy.Config;

// One line per role. A role parses its own arguments and returns its exit code; nothing is decided here.
Invocation asked = Invocation.Current(args);
return asked.Role switch
{
    "istio-iptables" => IptablesCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "serve" => ServeCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "--version" => ServeCommand.Run(["--version"], ProcessEnvironment.Read(), Console.Out, Console.Error),
    "proxy" or "wait" or "request" or "version" =>
        AgentCommand.Run(asked.Role, asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    _ => Unknown(asked.Role),
};

static int Unknown(string role)
{
    const int ExitUsage = 64;
    const string Usage = """
        Usage: pilotfish-sidecar ROLE [flags]
          proxy sidecar|router   agent and data plane in one process (pilot-agent's flags)
          wait, request          pilot-agent's helpers
          serve                  the data plane alone, from an Envoy bootstrap (Envoy's flags)
          istio-iptables         redirect the pod's packets to the sidecar
          version                what this executable is
        'ROLE --help' shows a role's flags.
        """;
    if (role is "--help" or "-h" or "help")
    {
        Console.Out.WriteLine(Usage);
        return 0;
    }

    Console.Error.WriteLine(role.Length == 0 ? Usage : $"Unknown role '{role}'. {Usage}");
    return ExitUsage;
}
