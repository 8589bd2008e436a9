using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled virtual host. Immutable.</summary>
public sealed class VirtualHostModel
{
    private readonly VirtualHostSettings _settings;
    private readonly RouteIndex? _index;

    public VirtualHostModel(string name, RouteModel[] routes, VirtualHostSettings settings)
    {
        Name = name;
        Routes = routes;
        _settings = settings;
        _index = RouteIndex.Of(routes);
    }

    public string Name { get; }

    public RouteModel[] Routes { get; }

    /// <summary>The first route that matches; null when none does.</summary>
    public RouteModel? FindRoute(HeaderMap headers, StreamInfo info, ulong random) =>
        RouteIndex.Find(_index, Routes, _settings.IgnoresPathParameters, headers, info, random);

    /// <summary>The name of the virtual cluster that a request belongs to; empty where there are none.</summary>
    public string VirtualClusterOf(HeaderMap headers)
    {
        VirtualClusterModel[] clusters = _settings.VirtualClusters;
        foreach (VirtualClusterModel cluster in clusters)
        {
            if (cluster.Matches(headers))
            {
                return cluster.Name;
            }
        }

        return clusters.Length > 0 ? VirtualClusterModel.CatchAll : "";
    }

    public HeaderMutations RequestHeaders => _settings.RequestHeaders;

    public HeaderMutations ResponseHeaders => _settings.ResponseHeaders;

    public PerRouteConfigs FilterConfigs => _settings.FilterConfigs;

    public DynamicMetadata? Metadata => _settings.Metadata;

    public long? RequestBufferLimit => _settings.RequestBufferLimit;

    /// <summary>require_tls: non-null when plaintext requests are redirected.</summary>
    public RedirectModel? TlsRedirect => _settings.TlsRedirect;

    /// <summary>Whether <see cref="TlsRedirect"/> spares internal requests.</summary>
    public bool TlsForExternalOnly => _settings.TlsForExternalOnly;
}
