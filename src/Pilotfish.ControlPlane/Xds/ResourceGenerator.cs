using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Clusters;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Routes;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>Runs the generator of a type. <paramref name="names"/> matter only to types that are subscribed by name.</summary>
internal static class ResourceGenerator
{
    public static List<GeneratedResource> Generate(PushContext push, ProxyView proxy, string typeUrl, IEnumerable<string> names)
    {
        switch (typeUrl)
        {
            case TypeUrls.Cluster:
                return ClusterGenerator.Generate(push, proxy).ConvertAll(static c => GeneratedResource.Of(c.Name, c));
            case TypeUrls.ClusterLoadAssignment:
                return EndpointGenerator.Generate(push, proxy, names).ConvertAll(static a => GeneratedResource.Of(a.ClusterName, a));
            case TypeUrls.Listener:
                return ListenerGenerator.Generate(push, proxy).ConvertAll(static l => GeneratedResource.Of(l.Name, l));
            case TypeUrls.RouteConfiguration:
                return RouteGenerator.Generate(push, proxy, names).ConvertAll(static r => GeneratedResource.Of(r.Name, r));
            case TypeUrls.NameTable:
                return [GeneratedResource.Of("", NameTableGenerator.Generate(push, proxy))];
            default:
                // Secrets come from the agent; extension configurations and proxy configurations have no source yet.
                return [];
        }
    }
}
