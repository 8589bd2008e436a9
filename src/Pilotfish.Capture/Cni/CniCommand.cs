using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Protocol;
using Pilotfish.Capture.Processes;

namespace Pilotfish.Capture.Cni;

/// <summary>
/// The role `cni` (`istio-cni` on a node): a chained plugin of the CNI specification, 0.3.1 to 1.1.0, that captures the
/// pods which carry a sidecar. It keeps no state: rules live and end with the pod's network namespace, so DEL, CHECK and
/// GC have nothing to do. Answers go to standard output, what it has to tell to standard error, which the runtime logs.
/// </summary>
public static class CniCommand
{
    public const int ExitSuccess = 0;

    /// <summary>The specification wants any code but 0 beside the error object.</summary>
    public const int ExitFailure = 1;

    private const string Help = """
        Usage: cni <NETWORK-CONFIGURATION

        A chained plugin of the Container Network Interface, which a container runtime calls with CNI_COMMAND, CNI_CONTAINERID, CNI_NETNS
        and CNI_ARGS in the environment. It sets the rules of pods that carry a sidecar. 'install-cni' puts it on a node.
        Exit codes: 0, or 1 with an error object on standard output.
        """;

    /// <summary>The kubeconfig that `install-cni` writes into the run directory.</summary>
    internal const string KubeconfigName = "istio-cni-kubeconfig";

    public static int Run(
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> environment,
        TextReader stdin,
        TextWriter stdout,
        TextWriter stderr)
    {
        if (args.Any(static arg => arg is "--help" or "-h"))
        {
            stdout.WriteLine(Help);
            return ExitSuccess;
        }

        return Run(environment, stdin, stdout, new CniSurroundings
        {
            OpenPods = kubeconfig => new KubernetesPodSource(kubeconfig),
            Apply = options => IptablesCommand.Run(options, TextWriter.Null, stderr),
            HasProgram = program =>
                !new CommandRunner(string.Empty, new Dictionary<string, string>()).Run(program, ["--version"]).IsMissing,
            Wait = Thread.Sleep,
            Log = stderr,
        });
    }

    internal static int Run(
        IReadOnlyDictionary<string, string> environment, TextReader stdin, TextWriter stdout, CniSurroundings surroundings)
    {
        string version = string.Empty;
        try
        {
            CniRequest request = CniRequest.Read(environment);
            string input = ReadInput(stdin);
            if (request.Verb == CniVerb.Version && input.Length == 0)
            {
                stdout.WriteLine(CniAnswers.Versions(string.Empty));
                return ExitSuccess;
            }

            CniConfig config = CniConfig.Parse(input);
            version = config.Version;
            if (Answer(request, config, surroundings) is { } answer)
            {
                stdout.WriteLine(answer);
            }

            return ExitSuccess;
        }
        catch (CniException e)
        {
            surroundings.Log.WriteLine($"error: {e.Message} {e.Details}".TrimEnd());
            stdout.WriteLine(CniAnswers.Error(version, e));
            return ExitFailure;
        }
        catch (Exception e)
        {
            // Whatever it was, the runtime must get an error object; the trace is for the log.
            surroundings.Log.WriteLine($"error: {e}");
            stdout.WriteLine(CniAnswers.Error(version, new CniException(
                CniErrorCode.Internal, "The plugin ended unexpectedly.", e.Message)));
            return ExitFailure;
        }
    }

    private static string? Answer(CniRequest request, CniConfig config, CniSurroundings surroundings)
    {
        if (request.Verb == CniVerb.Version)
        {
            return CniAnswers.Versions(config.Version);
        }

        CniVersions.Demand(config.Version, request.Verb);
        string kubeconfig = Path.Combine(config.RunDir, KubeconfigName);
        switch (request.Verb)
        {
            case CniVerb.Add:
                new PodCapture(config, surroundings.OpenPods(kubeconfig), surroundings).Add(request);
                return CniAnswers.Result(config);
            case CniVerb.Status:
                DemandReady(config, kubeconfig, surroundings);
                return null;
            default:
                return null;
        }
    }

    /// <summary>STATUS: could an ADD succeed now?</summary>
    private static void DemandReady(CniConfig config, string kubeconfig, CniSurroundings surroundings)
    {
        try
        {
            Kubeconfig.Load(kubeconfig);
        }
        catch (PodLookupException e)
        {
            throw new CniException(CniErrorCode.NotAvailable, "No pod can be captured: the Kubernetes API cannot be asked.", e.Message);
        }

        string[] programs = config.NativeNftables ? ["nft", "ip", "nsenter"] : ["iptables", "ip", "nsenter"];
        string[] missing = [.. programs.Where(program => !surroundings.HasProgram(program))];
        if (missing.Length > 0)
        {
            throw new CniException(
                CniErrorCode.NotAvailable, $"No pod can be captured: this node lacks {string.Join(", ", missing)}.");
        }
    }

    private static string ReadInput(TextReader stdin)
    {
        try
        {
            char[] buffer = new char[CniConfig.LengthMax + 1];
            int length = stdin.ReadBlock(buffer);
            return new string(buffer, 0, length).Trim();
        }
        catch (IOException e)
        {
            throw new CniException(CniErrorCode.InputOutput, "The network configuration cannot be read from standard input.", e.Message);
        }
    }
}
