using System.Text.Json.Nodes;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Reads Endpoints and EndpointSlices.</summary>
internal static class KubernetesEndpoints
{
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>One set per subset of a (legacy) Endpoints object.</summary>
    public static List<EndpointSet> ReadEndpoints(ObjectMeta meta, JsonObject root)
    {
        var sets = new List<EndpointSet>();
        foreach (var subset in root.Array("subsets") ?? [])
        {
            var addresses = new List<EndpointSet.Address>();
            AddAddresses(addresses, subset.Array("addresses"), ready: true);
            AddAddresses(addresses, subset.Array("notReadyAddresses"), ready: false);
            sets.Add(new EndpointSet(meta.Name, addresses, ReadPorts(subset)));
        }

        return sets;
    }

    public static List<EndpointSet> ReadSlice(ObjectMeta meta, JsonObject root)
    {
        if (!meta.Labels.TryGetValue(ServiceNameLabel, out var service) || root.Text("addressType") == "FQDN")
        {
            return [];
        }

        var addresses = new List<EndpointSet.Address>();
        foreach (var endpoint in root.Array("endpoints") ?? [])
        {
            var conditions = endpoint.Object("conditions");
            var ready = conditions.FlagOrNull("ready") ?? true;
            foreach (var ip in endpoint.Texts("addresses"))
            {
                addresses.Add(new EndpointSet.Address(
                    ip, ready, !ready && conditions.Flag("terminating"), PodName(endpoint), endpoint.Text("nodeName"),
                    endpoint.Text("hostname")));
            }
        }

        return [new EndpointSet(service, addresses, ReadPorts(root))];
    }

    private static void AddAddresses(List<EndpointSet.Address> into, JsonArray? from, bool ready)
    {
        foreach (var address in from ?? [])
        {
            into.Add(new EndpointSet.Address(
                address.Text("ip"), ready, Terminating: false, PodName(address), address.Text("nodeName"), address.Text("hostname")));
        }
    }

    private static string PodName(JsonNode? endpoint) =>
        endpoint.Object("targetRef") is { } target && target.Text("kind") == "Pod" ? target.Text("name") : "";

    private static List<EndpointSet.Port> ReadPorts(JsonNode? from)
    {
        var ports = new List<EndpointSet.Port>();
        foreach (var port in from.Array("ports") ?? [])
        {
            ports.Add(new EndpointSet.Port(port.Text("name"), port.Number("port")));
        }

        return ports;
    }
}
