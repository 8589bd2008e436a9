using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Which cluster a VirtualService's destination means.</summary>
internal static class Destinations
{
    private const string Unknown = "UnknownService";

    /// <summary>The port is the destination's, else the service's only one, else that of the listener.</summary>
    public static string Cluster(ProxyView proxy, Destination? destination, int listenerPort)
    {
        if (destination is null || destination.Host.Length == 0)
        {
            return Unknown;
        }

        var service = proxy.Scope.Find(destination.Host);
        var host = service?.ExternalName ?? destination.Host;
        var port = destination.Port is { } given ? (int)given.Number
            : service is { Ports.Count: 1 } ? service.Ports[0].Number
            : listenerPort;
        return ClusterNames.Outbound(port, destination.Subset, host);
    }

    /// <summary>True when the rules of a match that are decided here, not by the proxy, hold for this proxy.</summary>
    public static bool SourceMatches(
        ProxyView proxy, IReadOnlyCollection<string> gateways, IDictionary<string, string> sourceLabels, string sourceNamespace)
    {
        // A match that names gateways is decided by them alone.
        if (gateways.Count > 0)
        {
            return gateways.Contains(Push.VirtualServiceRule.MeshGateway);
        }

        return Labels.Contain(proxy.Labels, sourceLabels)
            && (sourceNamespace.Length == 0 || sourceNamespace == proxy.Node.Namespace);
    }
}
