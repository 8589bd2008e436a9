using System.CommandLine;
using System.CommandLine.Help;
using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.Commands;

/// <summary>The flags of `kube-inject`, under the names of the tool it replaces.</summary>
internal static class KubeInject
{
    /// <summary>What istioctl ends with after a wrong command line.</summary>
    private const int Failure = 1;

    public static int Run(IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment)
    {
        var file = new Option<string>("--filename", "-f") { Description = "The manifest to inject; '-' reads standard input." };
        var output = new Option<string>("--output", "-o") { Description = "Where the result goes; standard output if absent." };
        var mesh = new Option<string>("--meshConfigFile") { Description = "A mesh configuration, over Istio's defaults." };
        var values = new Option<string>("--valuesFile") { Description = "Values of an installation, over Istio's defaults." };
        var config = new Option<string>("--injectConfigFile")
        {
            Description = "Injection templates: the 'config' of the ConfigMap istio-sidecar-injector, or one template.",
        };
        var operators = new Option<string>("--operatorFileName") { Description = "An IstioOperator document." };
        var revision = new Option<string>("--revision", "-r") { Description = "The revision of the control plane." };
        var settings = new Option<string[]>("--set")
        {
            Description = "A setting of the installation, such as values.global.tag=1.30.0; may be repeated.",
            AllowMultipleArgumentsPerToken = false,
        };
        var command = new Command("kube-inject", "Adds the sidecar to the workloads of a Kubernetes manifest and prints the whole.")
        {
            file, output, mesh, values, config, operators, revision, settings, new HelpOption(),
        };
        command.SetAction(result => KubeInjectCommand.Run(
            new KubeInjectOptions
            {
                InputFile = result.GetValue(file) ?? "",
                OutputFile = result.GetValue(output) ?? "",
                MeshConfigFile = result.GetValue(mesh) ?? "",
                ValuesFile = result.GetValue(values) ?? "",
                InjectConfigFile = result.GetValue(config) ?? "",
                OperatorFile = result.GetValue(operators) ?? "",
                Revision = result.GetValue(revision) ?? "",
                Settings = result.GetValue(settings) ?? [],
            },
            name => environment.GetValueOrDefault(name),
            Console.In,
            Console.Out,
            Console.Error));
        ParseResult parsed = command.Parse([.. args]);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            Console.Error.WriteLine("Error: " + UsageProblem.Describe(parsed, [.. args]));
            return Failure;
        }

        return parsed.Invoke();
    }
}
