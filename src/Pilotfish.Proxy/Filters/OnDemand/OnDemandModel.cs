using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Scopes;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>
/// The filter exists for requests that lack something that can be asked for: the routes of their scope, their virtual host, their cluster. All
/// others pay a look at what they have.
/// </summary>
internal sealed class OnDemandModel(ClusterDemand? clusters) : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name)
    {
        if (stream.IsReplyLocal)
        {
            return null;
        }

        if (ScopeOf(stream) is not null || (stream.Route is null && stream.RouteConfig?.Discovery is not null))
        {
            stream.HoldChain();
            return new OnDemandFilter(this);
        }

        return ClustersOf(stream, name) is not null && LocalAnswers.MissingCluster(stream) is not null ? new OnDemandFilter(this) : null;
    }

    /// <summary>The request's scope when its routes are not asked for yet; else null.</summary>
    public static ScopeEntry? ScopeOf(HttpStream stream) =>
        stream.Hcm.Scopes?.FindEntry(stream.RequestHeaders) is { Current: null, Scope.IsOnDemand: true } entry ? entry : null;

    /// <summary>Where the request's cluster may be asked for: the route's word first; null where it is not.</summary>
    public ClusterDemand? ClustersOf(HttpStream stream, string name) =>
        stream.RouteConfigOf<OnDemandRoute>(name) is { } route ? route.Clusters : clusters;
}
