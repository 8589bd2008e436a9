using Envoy.Extensions.Filters.Http.OnDemand.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>
/// envoy.filters.http.on_demand: lets requests wait for the routes of a scope, the virtual host or the cluster that is asked for when they need
/// it.
/// </summary>
public sealed class OnDemandFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    public IReadOnlyList<string> MessageNames { get; } =
    [
        "envoy.extensions.filters.http.on_demand.v3.OnDemand",
        "envoy.extensions.filters.http.on_demand.v3.PerRouteConfig",
    ];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new OnDemandModel(
        context.Config.OnDemandClusters.Compile(config.Parse(Envoy.Extensions.Filters.Http.OnDemand.V3.OnDemand.Parser).Odcds, $"{config.Field}.odcds"));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context) => new OnDemandRoute(
        context.OnDemandClusters.Compile(config.Parse(PerRouteConfig.Parser).Odcds, $"{config.Field}.odcds"));
}
