using Envoy.Extensions.Filters.Http.OnDemand.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>envoy.filters.http.on_demand: lets requests wait for the routes of a scope that are asked for when they are needed.</summary>
public sealed class OnDemandFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.on_demand.v3.OnDemand"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        if (config.Parse(Envoy.Extensions.Filters.Http.OnDemand.V3.OnDemand.Parser).Odcds is not null)
        {
            throw new ConfigRejectedException($"{config.Field}.odcds", "on-demand discovery of clusters is not available in Pilotfish");
        }

        return OnDemandModel.Instance;
    }
}
