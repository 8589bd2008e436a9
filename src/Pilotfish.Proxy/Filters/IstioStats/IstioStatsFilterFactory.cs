using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Stats;

namespace Pilotfish.Proxy.Filters.IstioStats;

/// <summary>istio.stats for HTTP: its config is checked, the standard metrics are not produced.</summary>
public sealed class IstioStatsFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["stats.PluginConfig"];

    public string? NotActiveNote => "istio.stats is accepted and passes requests through; istio_requests_total and its kin are not produced yet.";

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        config.Parse(PluginConfig.Parser);
        return PassThroughModel.Instance;
    }
}
