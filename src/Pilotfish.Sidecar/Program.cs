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
    "proxy" or "wait" or "request" =>
        AgentCommand.Run(asked.Role, asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    _ => Unknown(asked.Role),
};

static int Unknown(string role)
{
    const int ExitUsage = 64;
    Console.Error.WriteLine(role.Length == 0 ? "Usage: pilotfish-sidecar ROLE [flags]" : $"Unknown role '{role}'.");
    return ExitUsage;
}
