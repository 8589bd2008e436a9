using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>
/// Holds one request until it has what it lacks, or it is known not to come, in this order: (1) the routes of its scope, (2) its virtual host,
/// (3) its cluster. Each is asked for once. A request that was received whole begins anew with a route that came, as in Envoy, so that the
/// filters before this one see it, too; another goes on from here, and only the filters behind this one are those of its route.
/// </summary>
internal sealed class OnDemandFilter(OnDemandModel model) : HttpFilter, IClusterWaiter
{
    private bool _scopeAsked;
    private bool _hostAsked;
    private bool _clusterAsked;
    private DiscoveredHosts? _hosts;
    private string _host = "";
    private ClusterDemand? _clusters;
    private string _cluster = "";
    private bool _beginsAnew;
    private bool _ended;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end) => HasAll() ? FilterVerdict.Continue : FilterVerdict.Pause;

    public override void OnEnd(StreamInfo info)
    {
        _ended = true;
        _hosts?.PostCancel(_host, this);
        _clusters?.PostCancel(_cluster, this);
        if (!_beginsAnew)
        {
            // Filters behind this one, such as statistics, hear of the end of every request.
            Stream.CompleteChain();
        }
    }

    // Whether the cluster came is the router's to find out: other filters may have a word in its choice yet, as in Envoy.
    public void OnCluster(ClusterDiscoveryStatus status)
    {
        _clusters = null;
        if (!_ended && !Stream.IsReplyLocal)
        {
            GoOn();
        }
    }

    // False when something was asked for, or when the chain was answered for.
    private bool HasAll()
    {
        if (!_scopeAsked && OnDemandModel.ScopeOf(Stream) is { } scope)
        {
            _scopeAsked = true;
            Stream.Hcm.Scopes!.PostDemand(scope, Stream.Loop, static filter => ((OnDemandFilter)filter!).OnRoutes(), this);
            return false;
        }

        if (!_hostAsked && Stream.Route is null && Stream.RouteConfig is { Discovery: { } hosts } routes
            && DiscoveredHosts.HostOf(routes.HostOf(Stream.RequestHeaders)) is { } host)
        {
            _hostAsked = true;
            (_hosts, _host) = (hosts, host);
            hosts.PostDemand(
                host, Stream.VirtualHost?.Name, Stream.Loop, static filter => ((OnDemandFilter)filter!).OnRoutes(), this);
            return false;
        }

        if (!_clusterAsked && model.ClustersOf(Stream, Name) is { } clusters && LocalAnswers.MissingCluster(Stream) is { } cluster)
        {
            _clusterAsked = true;
            (_clusters, _cluster) = (clusters, cluster);
            clusters.PostDemand(cluster, Stream.Loop, this);
            return false;
        }

        return Stream.CompleteChain();
    }

    private void OnRoutes()
    {
        _hosts = null;
        if (_ended || Stream.IsReplyLocal)
        {
            return;
        }

        RouteModel? route = Stream.ChooseRouteAnew();
        if (route is not null && Stream.IsRequestComplete)
        {
            _beginsAnew = true;
            Stream.Recreate();
        }
        else if (UpgradeRules.ApplyRoute(Stream))
        {
            GoOn();
        }
    }

    private void GoOn()
    {
        if (HasAll())
        {
            ContinueRequest();
        }
    }
}
