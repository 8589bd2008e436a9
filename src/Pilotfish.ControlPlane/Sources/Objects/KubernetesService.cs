using System.Text.Json.Nodes;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Turns a Kubernetes Service into the mesh's shape.</summary>
internal static class KubernetesService
{
    private const string HeadlessClusterIp = "None";

    public static MeshService Read(ConfigKey key, ObjectMeta meta, JsonObject root, string domainSuffix)
    {
        var spec = root.Object("spec");
        var externalName = spec.Text("type") == "ExternalName" ? spec.TextOrNull("externalName") : null;
        var clusterIp = spec.Text("clusterIP");
        var addresses = new List<string>();
        var resolution = ServiceResolution.ClientSideLb;
        if (externalName is not null)
        {
            resolution = ServiceResolution.Alias;
        }
        else if (clusterIp == HeadlessClusterIp)
        {
            resolution = ServiceResolution.Passthrough;
        }
        else if (clusterIp.Length > 0)
        {
            addresses.Add(clusterIp);
            var all = spec.Texts("clusterIPs");
            if (all.Count > 1)
            {
                addresses = all;
            }
        }

        return new MeshService
        {
            Hostname = HostNames.OfService(meta.Name, meta.Namespace, domainSuffix),
            Name = meta.Name,
            Namespace = meta.Namespace,
            Ports = ReadPorts(spec),
            Addresses = addresses,
            Resolution = resolution,
            CreationTime = meta.CreationTime,
            Selector = spec.Map("selector"),
            Labels = meta.Labels,
            ExportTo = ReadExportTo(meta),
            ExternalName = externalName,
            MeshExternal = externalName is not null,
            PublishNotReadyAddresses = spec.Flag("publishNotReadyAddresses"),
            NodeLocal = spec.Text("internalTrafficPolicy") == "Local",
            Source = key,
        };
    }

    private static ExportScope ReadExportTo(ObjectMeta meta) =>
        meta.Annotations.TryGetValue(ExportScope.Annotation, out var exportTo) && exportTo.Length > 0
            ? ExportScope.Parse(exportTo.Split(','), meta.Namespace)
            : ExportScope.Public;

    private static List<ServicePort> ReadPorts(JsonObject? spec)
    {
        var ports = new List<ServicePort>();
        foreach (var port in spec.Array("ports") ?? [])
        {
            var number = port.Number("port");
            var name = port.Text("name");
            var protocol = PortProtocols.FromKubernetes(number, name, port.Text("protocol"), port.TextOrNull("appProtocol"));
            ports.Add(new ServicePort(name, number, protocol, ReadTargetPort(port, number)));
        }

        return ports;
    }

    private static TargetPort ReadTargetPort(JsonNode? port, int number)
    {
        var text = port.Text("targetPort");
        if (text.Length == 0)
        {
            return new TargetPort(number, null);
        }

        var target = port.Number("targetPort");
        return target > 0 ? new TargetPort(target, null) : new TargetPort(0, text);
    }
}
