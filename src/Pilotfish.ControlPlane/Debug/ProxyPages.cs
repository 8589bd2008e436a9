using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Clusters;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Routes;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Debug;

/// <summary>Pages about one proxy, chosen by `?proxyID=pod.namespace`: what it would be sent now.</summary>
internal static class ProxyPages
{
    public static Task WriteAsync(HttpContext context, DiscoveryServer server, Func<PushContext, ProxyView, string> page)
    {
        var wanted = context.Request.Query["proxyID"].ToString();
        var node = server.Sessions.Select(static session => session.Node)
            .FirstOrDefault(candidate => candidate is not null && (candidate.Id == wanted || $"{candidate.PodName}.{candidate.Namespace}" == wanted));
        if (node is null || server.Current is not { } push)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return context.Response.WriteAsync($"Proxy '{wanted}' is not connected; name one as ?proxyID=pod.namespace.");
        }

        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(page(push, ProxyView.Resolve(push, node)));
    }

    public static string Dump(PushContext push, ProxyView proxy)
    {
        var listeners = ListenerGenerator.Generate(push, proxy);
        var text = new StringBuilder();
        text.Append('{');
        Append(text, "clusters", ClusterGenerator.Generate(push, proxy));
        Append(text.Append(','), "listeners", listeners);
        Append(text.Append(','), "routes", RouteGenerator.Generate(push, proxy, ListenerGenerator.RouteNames(listeners)));
        return text.Append('}').ToString();
    }

    public static string Endpoints(PushContext push, ProxyView proxy)
    {
        var text = new StringBuilder("{");
        Append(text, "endpoints", EndpointGenerator.Generate(push, proxy, ClusterGenerator.EdsNames(ClusterGenerator.Generate(push, proxy))));
        return text.Append('}').ToString();
    }

    public static string Names(PushContext push, ProxyView proxy) => DebugEndpoints.Print(NameTableGenerator.Generate(push, proxy));

    private static void Append(StringBuilder text, string name, IEnumerable<IMessage> messages) =>
        text.Append('"').Append(name).Append("\":[").AppendJoin(',', messages.Select(DebugEndpoints.Print)).Append(']');
}
