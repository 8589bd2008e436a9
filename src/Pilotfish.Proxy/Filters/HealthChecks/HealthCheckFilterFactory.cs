using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using HealthCheckMessage = Envoy.Extensions.Filters.Http.HealthCheck.V3.HealthCheck;

namespace Pilotfish.Proxy.Filters.HealthChecks;

/// <summary>envoy.filters.http.health_check: answers health checks of this proxy, or of what stands behind it.</summary>
public sealed class HealthCheckFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.health_check.v3.HealthCheck"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        HealthCheckMessage message = config.Parse(HealthCheckMessage.Parser);
        if (message.PassThroughMode is not { } passesThrough)
        {
            throw new ConfigRejectedException($"{config.Field}.pass_through_mode", "it is not set");
        }

        long cache = Durations.Milliseconds(message.CacheTime) ?? 0;
        if (cache > 0 && !passesThrough)
        {
            throw new ConfigRejectedException($"{config.Field}.cache_time", "only what an upstream answers is kept, and pass_through_mode is false");
        }

        var clusters = new List<(ClusterReference Cluster, int Percent)>();
        foreach ((string name, Envoy.Type.V3.Percent percent) in message.ClusterMinHealthyPercentages)
        {
            clusters.Add(percent.Value is >= 0 and <= 100
                ? (context.Config.Clusters.Reference(name), (int)percent.Value)
                : throw new ConfigRejectedException($"{config.Field}.cluster_min_healthy_percentages['{name}']", $"'{percent.Value}' is not within 0 to 100"));
        }

        return new HealthCheckModel(
            HeaderMatch.CompileAll(message.Headers, $"{config.Field}.headers"), passesThrough, cache, [.. clusters], context.Config.Health, context.Config.Node.Cluster);
    }
}
