using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled virtual host. Immutable.</summary>
public sealed class VirtualHostModel
{
    private readonly VirtualHostSettings _settings;
    private readonly RouteIndex? _index;
    private readonly RouteTree? _tree;
    private readonly RequestStats[]? _virtualClusterStats;

    /// <param name="name">As configured.</param>
    /// <param name="routes">In their order.</param>
    /// <param name="settings">What it shares with other hosts.</param>
    /// <param name="virtualClusterStats">Of each virtual cluster and, last, of requests that none matches; null without any.</param>
    public VirtualHostModel(string name, RouteModel[] routes, VirtualHostSettings settings, RequestStats[]? virtualClusterStats = null)
    {
        _virtualClusterStats = virtualClusterStats;
        Name = name;
        Routes = routes;
        _settings = settings;
        _index = RouteIndex.Of(routes);
    }

    /// <summary>A host whose routes a tree chooses.</summary>
    internal VirtualHostModel(string name, RouteTree tree, VirtualHostSettings settings, RequestStats[]? virtualClusterStats)
    {
        _virtualClusterStats = virtualClusterStats;
        Name = name;
        Routes = tree.Routes;
        _settings = settings;
        _tree = tree;
    }

    public string Name { get; }

    public RouteModel[] Routes { get; }

    /// <summary>The first route that matches; null when none does.</summary>
    /// <param name="headers">The request's head.</param>
    /// <param name="info">Its facts, of which the head is one.</param>
    /// <param name="random">For shares of requests.</param>
    public RouteModel? FindRoute(HeaderMap headers, StreamInfo info, ulong random) => _tree is null
        ? RouteIndex.Find(_index, Routes, _settings.IgnoresPathParameters, headers, info, random)
        : _tree.Find(headers, info, random, _settings.IgnoresPathParameters);

    /// <summary>The name of the virtual cluster that a request belongs to; empty where there are none.</summary>
    /// <param name="headers">The request's, as the route saw them.</param>
    /// <param name="stats">Its statistics; null where there are none.</param>
    public string VirtualClusterOf(HeaderMap headers, out RequestStats? stats)
    {
        VirtualClusterModel[] clusters = _settings.VirtualClusters;
        int index = 0;
        while (index < clusters.Length && !clusters[index].Matches(headers))
        {
            index++;
        }

        stats = _virtualClusterStats?[index];
        return index < clusters.Length ? clusters[index].Name : clusters.Length > 0 ? VirtualClusterModel.CatchAll : "";
    }

    public HeaderMutations RequestHeaders => _settings.RequestHeaders;

    public HeaderMutations ResponseHeaders => _settings.ResponseHeaders;

    public PerRouteConfigs FilterConfigs => _settings.FilterConfigs;

    public DynamicMetadata? Metadata => _settings.Metadata;

    /// <summary>The older cors field.</summary>
    public CompiledCorsPolicy? Cors => _settings.Cors;

    internal RateLimitRule[] RateLimits => _settings.RateLimits;

    public long? RequestBufferLimit => _settings.RequestBufferLimit;

    /// <summary>require_tls: non-null when plaintext requests are redirected.</summary>
    public RedirectModel? TlsRedirect => _settings.TlsRedirect;

    /// <summary>Whether <see cref="TlsRedirect"/> spares internal requests.</summary>
    public bool TlsForExternalOnly => _settings.TlsForExternalOnly;
}
