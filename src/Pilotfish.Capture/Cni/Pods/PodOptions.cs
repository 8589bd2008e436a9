using System.Globalization;
using Pilotfish.Api.Names;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>
/// Turns a pod's annotations and its proxy's variables into the options of istio-iptables, through the same reader, so
/// that a bad value is refused the same way, with the annotation named.
/// </summary>
internal static class PodOptions
{
    /// <summary>The agent's status port. That it is the default for outbound too is Istio's behaviour of old.</summary>
    private const string StatusPort = "15020";

    /// <summary>Ports of the sidecar itself, which are never captured.</summary>
    private static readonly string[] s_sidecarPorts = [StatusPort, "15021", "15090"];

    private static readonly (string Flag, string Annotation, string Default)[] s_annotations =
    [
        (IptablesFlags.Mode, IstioAnnotations.SidecarInterceptionMode, "REDIRECT"),
        (IptablesFlags.ServiceCidr, IstioAnnotations.SidecarTrafficIncludeOutboundIPRanges, "*"),
        (IptablesFlags.ServiceExcludeCidr, IstioAnnotations.SidecarTrafficExcludeOutboundIPRanges, ""),
        (IptablesFlags.InboundPorts, IstioAnnotations.SidecarTrafficIncludeInboundPorts, "*"),
        (IptablesFlags.InboundExclude, IstioAnnotations.SidecarTrafficExcludeInboundPorts, StatusPort),
        (IptablesFlags.OutboundPorts, IstioAnnotations.SidecarTrafficIncludeOutboundPorts, ""),
        (IptablesFlags.OutboundExclude, IstioAnnotations.SidecarTrafficExcludeOutboundPorts, StatusPort),
        (IptablesFlags.ExcludeInterfaces, IstioAnnotations.SidecarTrafficExcludeInterfaces, ""),
    ];

    private static readonly (string Flag, string Variable)[] s_variables =
    [
        (IptablesFlags.RedirectDns, "ISTIO_META_DNS_CAPTURE"),
        (IptablesFlags.DualStack, "ISTIO_DUAL_STACK"),
        (IptablesFlags.DropInvalid, "INVALID_DROP"),
    ];

    /// <param name="pod">The pod, already decided for.</param>
    /// <param name="networkNamespace">The path of its network namespace.</param>
    /// <param name="nativeNftables">nft instead of iptables.</param>
    /// <param name="log">Hears of variables that say neither true nor false, and so nothing.</param>
    /// <exception cref="CaptureException">Names the annotation and the value at fault.</exception>
    public static IptablesOptions Read(PodFacts pod, string networkNamespace, bool nativeNftables, TextWriter log)
    {
        Dictionary<string, FlagValue> flags = new(
            FlagParser.Parse(IptablesFlags.All, [], new Dictionary<string, string>()), StringComparer.Ordinal);
        foreach ((string flag, string annotation, string whenMissing) in s_annotations)
        {
            flags[flag] = Annotation(pod, annotation, whenMissing);
        }

        DemandMode(flags[IptablesFlags.Mode]);
        flags[IptablesFlags.InboundExclude] = WithSidecarPorts(flags[IptablesFlags.InboundExclude]);
        flags[IptablesFlags.KubeVirtInterfaces] =
            pod.Annotations.ContainsKey(IstioAnnotations.IoIstioRerouteVirtualInterfaces)
                ? Annotation(pod, IstioAnnotations.IoIstioRerouteVirtualInterfaces, "")
                : Annotation(pod, IstioAnnotations.SidecarTrafficKubevirtInterfaces, "");
        foreach ((string flag, string variable) in s_variables)
        {
            Set(flags, flag, Variable(pod, variable, log));
        }

        // From the node, the pod's resolv.conf cannot be seen: DNS to any server is taken.
        Set(flags, IptablesFlags.CaptureAllDns, flags[IptablesFlags.RedirectDns].Text);
        Set(flags, IptablesFlags.ProxyUid, Owner(pod.ProxyUser));
        Set(flags, IptablesFlags.ProxyGid, Owner(pod.ProxyGroup));
        Set(flags, IptablesFlags.NativeNftables, nativeNftables ? "true" : "false");
        Set(flags, IptablesFlags.CniMode, "true");

        // The runtime may call again after a failure half-way, and then expects to come to the same end.
        Set(flags, IptablesFlags.Reconcile, "true");
        flags[IptablesFlags.NetworkNamespace] = new FlagValue("CNI_NETNS", networkNamespace);
        return IptablesOptions.Read(flags, new Dictionary<string, string>());
    }

    private static FlagValue Annotation(PodFacts pod, string name, string whenMissing) =>
        new($"annotation '{name}'", pod.Annotations.GetValueOrDefault(name, whenMissing));

    /// <summary>Flags also take an empty mode; an annotation that is there must say one.</summary>
    private static void DemandMode(FlagValue mode)
    {
        if (mode.Text is not ("REDIRECT" or "TPROXY"))
        {
            throw FlagReader.Refuse(mode, mode.Text, "must be REDIRECT or TPROXY for a pod that the CNI plugin captures");
        }
    }

    private static FlagValue WithSidecarPorts(FlagValue excluded)
    {
        IEnumerable<string> ports = excluded.Text.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(port => port.Trim(' '))
            .Concat(s_sidecarPorts)
            .Distinct();
        return excluded with { Text = string.Join(',', ports) };
    }

    private static string Variable(PodFacts pod, string name, TextWriter log)
    {
        string? text = pod.ProxyEnvironment.GetValueOrDefault(name);
        bool? value = GoBool.Parse(text);
        if (value is null && !string.IsNullOrEmpty(text))
        {
            log.WriteLine($"warning: the variable {name} of '{PodFacts.ProxyContainer}' says neither true nor false and is ignored.");
        }

        return value == true ? "true" : "false";
    }

    /// <summary>Root is nobody to exempt: a proxy that runs as root is told by its group.</summary>
    private static string Owner(long? id) =>
        id is null or 0 ? Rules.CaptureConfig.DefaultProxyUser : id.Value.ToString(CultureInfo.InvariantCulture);

    private static void Set(Dictionary<string, FlagValue> flags, string flag, string text) =>
        flags[flag] = flags[flag] with { Text = text };
}
