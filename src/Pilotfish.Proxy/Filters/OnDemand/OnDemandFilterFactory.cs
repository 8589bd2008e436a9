using Envoy.Extensions.Filters.Http.OnDemand.V3;
using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>
/// envoy.filters.http.on_demand: lets requests wait for the routes of a scope, the virtual host or the cluster that is asked for when they need
/// it.
/// </summary>
public sealed class OnDemandFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    // OnDemandCds.timeout when unset, as its description says.
    private const long DefaultTimeoutMilliseconds = 5000;

    public IReadOnlyList<string> MessageNames { get; } =
    [
        "envoy.extensions.filters.http.on_demand.v3.OnDemand",
        "envoy.extensions.filters.http.on_demand.v3.PerRouteConfig",
    ];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) =>
        new OnDemandModel(Clusters(config.Parse(Envoy.Extensions.Filters.Http.OnDemand.V3.OnDemand.Parser).Odcds, config.Field, context.Config));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context) =>
        new OnDemandRoute(Clusters(config.Parse(PerRouteConfig.Parser).Odcds, config.Field, context));

    private static ClusterDemand? Clusters(OnDemandCds? odcds, string field, CompileContext context) => odcds is null
        ? null
        : context.OnDemandClusters.Compile(
            odcds.Source, odcds.ResourcesLocator, odcds.Timeout, $"{field}.odcds", "source", DefaultTimeoutMilliseconds, isCounted: true);
}
