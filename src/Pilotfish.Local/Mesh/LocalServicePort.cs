using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Mesh;

/// <summary>One port of a Service.</summary>
/// <param name="Number">From 1 to 65535.</param>
/// <param name="Protocol">As the rules of the node spell it: tcp, udp or sctp.</param>
/// <param name="Target">The port of the pods, or null where <paramref name="TargetName"/> names it.</param>
/// <param name="TargetName">The name of a container's port; null where the target is a number.</param>
internal sealed record LocalServicePort(int Number, string Protocol, int? Target, string? TargetName)
{
    private const int PortMax = 65535;

    /// <exception cref="ManifestException">A field is missing, of another kind or out of range.</exception>
    public static LocalServicePort Read(YamlMapping port)
    {
        int number = port.OptionalNumberOf("port", 1, PortMax)
            ?? throw new ManifestException(port.Position, "The port of a Service has no 'port'.");
        string protocol = port.TextOf("protocol") ?? "TCP";
        if (protocol is not ("TCP" or "UDP" or "SCTP"))
        {
            throw new ManifestException(port["protocol"]!.Position, $"'protocol' must be TCP, UDP or SCTP, but is '{protocol}'.");
        }

        string? target = port.TextOf("targetPort");
        bool isNumber = target is null || int.TryParse(target, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);
        return new LocalServicePort(
            number,
            protocol.ToLowerInvariant(),
            isNumber ? port.NumberOf("targetPort", number, 1, PortMax) : null,
            isNumber ? null : target);
    }

    /// <summary>The port of that pod, or null: none of its containers has a port of this name.</summary>
    public int? Of(PodSpec pod) =>
        Target ?? pod.AllContainers.SelectMany(static c => c.Ports).FirstOrDefault(p => p.Name == TargetName)?.Port;
}
