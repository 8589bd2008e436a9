using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Protocol;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni;

/// <summary>
/// ADD for one pod: 1 leave those alone that nobody needs to be asked about, 2 ask for the pod, 3 decide, 4 set the rules
/// in its network namespace.
/// </summary>
internal sealed class PodCapture(CniConfig config, IPodSource pods, CniSurroundings surroundings)
{
    /// <summary>A new pod may reach this node before it reaches the API server's cache that answers us.</summary>
    private const int LookupsMax = 30;

    private const string NodeAgentPrefix = "istio-cni-node-";

    /// <summary>The longest name of a Kubernetes object.</summary>
    private const int NameMax = 253;

    private static readonly TimeSpan s_betweenLookups = TimeSpan.FromSeconds(1);

    private readonly TextWriter _log = surroundings.Log;

    public void Add(CniRequest request)
    {
        string name = request.Args.GetValueOrDefault("K8S_POD_NAME", string.Empty);
        string ns = request.Args.GetValueOrDefault("K8S_POD_NAMESPACE", string.Empty);
        if (name.Length == 0 || ns.Length == 0)
        {
            _log.WriteLine("info: not captured: CNI_ARGS names no Kubernetes pod.");
            return;
        }

        DemandName("K8S_POD_NAME", name);
        DemandName("K8S_POD_NAMESPACE", ns);

        // The agent's own pod comes first: it writes the kubeconfig that all below needs.
        if (ns == config.AgentNamespace && name.StartsWith(NodeAgentPrefix, StringComparison.Ordinal))
        {
            _log.WriteLine($"info: pod '{ns}/{name}' is not captured: it is the node's own istio-cni pod.");
            return;
        }

        if (config.ExcludedNamespaces.Contains(ns))
        {
            _log.WriteLine($"info: pod '{ns}/{name}' is not captured: its namespace is excluded.");
            return;
        }

        PodFacts pod = Find(ns, name);
        if (PodDecision.WhyNot(pod) is { } reason)
        {
            _log.WriteLine($"info: pod '{ns}/{name}' is not captured: {reason}.");
            return;
        }

        Program(request, ns, name, pod);
    }

    private PodFacts Find(string ns, string name)
    {
        for (int lookup = 1; ; lookup++)
        {
            try
            {
                return pods.Get(ns, name);
            }
            catch (PodLookupException e) when (lookup < LookupsMax)
            {
                if (lookup == 1)
                {
                    _log.WriteLine($"warning: {e.Message} Trying for {LookupsMax} seconds.");
                }

                surroundings.Wait(s_betweenLookups);
            }
            catch (PodLookupException e)
            {
                throw new CniException(
                    CniErrorCode.PodUnknown,
                    $"Pod '{ns}/{name}' is unknown after {LookupsMax} tries, so whether it needs capture is, too.",
                    e.Message);
            }
        }
    }

    private void Program(CniRequest request, string ns, string name, PodFacts pod)
    {
        IptablesOptions options;
        try
        {
            options = PodOptions.Read(pod, request.NetworkNamespace, config.NativeNftables, _log);
        }
        catch (CaptureException e)
        {
            throw new CniException(CniErrorCode.PodRefused, $"Pod '{ns}/{name}' cannot be captured: {e.Message}");
        }

        try
        {
            surroundings.Apply(options);
        }
        catch (CaptureException e)
        {
            throw new CniException(CniErrorCode.RulesFailed, $"The capture rules of pod '{ns}/{name}' could not be set.", e.Message);
        }

        _log.WriteLine($"info: pod '{ns}/{name}' is captured.");
    }

    /// <summary>The names go into an address, so they must be what Kubernetes calls names.</summary>
    private static void DemandName(string key, string text)
    {
        bool ok = text.Length <= NameMax && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.')
            && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]);
        if (!ok)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                $"CNI_ARGS: {key} '{CniText.Printable(text)}' is no name of a Kubernetes object.");
        }
    }
}
