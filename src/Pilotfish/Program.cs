using Pilotfish.Agent.Commands;
using Pilotfish.Api.Names;
using Pilotfish.Capture;
using Pilotfish.Capture.Cni;
using Pilotfish.Commands;
using Pilotfish.ControlPlane;
using Pilotfish.Proxy.Config;

// One line per role that replaces a tool of Istio's and keeps its flags; the rest is the command tree. Nothing is decided here.
Invocation asked = Invocation.Current(args);
return asked.Role switch
{
    "cni" => CniCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.In, Console.Out, Console.Error),
    "discovery" => await DiscoveryCommand.RunAsync(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "install-cni" => InstallCniCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "istio-iptables" => IptablesCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "kube-inject" => KubeInject.Run(asked.Args, ProcessEnvironment.Read()),
    "serve" => ServeCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "proxy" or "wait" or "request" =>
        AgentCommand.Run(asked.Role, asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    "translate" => TranslateCommand.Run(asked.Args, ProcessEnvironment.Read(), Console.Out, Console.Error),
    _ => await CommandTree.RunAsync(args),
};
