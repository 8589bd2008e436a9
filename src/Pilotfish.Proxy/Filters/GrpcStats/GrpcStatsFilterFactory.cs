using Envoy.Extensions.Filters.Http.GrpcStats.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GrpcStats;

/// <summary>envoy.filters.http.grpc_stats: gRPC statistics per cluster, and message counts for other filters and logs.</summary>
public sealed class GrpcStatsFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        FilterConfig parsed = config.Parse(FilterConfig.Parser);
        HashSet<string>? methods = null;
        if (parsed.PerMethodStatSpecifierCase == FilterConfig.PerMethodStatSpecifierOneofCase.IndividualMethodStatsAllowlist)
        {
            methods = new HashSet<string>(StringComparer.Ordinal);
            foreach (Envoy.Config.Core.V3.GrpcMethodList.Types.Service service in parsed.IndividualMethodStatsAllowlist.Services)
            {
                foreach (string method in service.MethodNames)
                {
                    methods.Add($"/{service.Name}/{method}");
                }
            }
        }

        return new GrpcStatsModel
        {
            EmitsFilterState = parsed.EmitFilterState,
            CountsEveryMethod = parsed.StatsForAllMethods ?? false,
            Methods = methods,
            MeasuresUpstream = parsed.EnableUpstreamStats,
            ReplacesDots = parsed.ReplaceDotsInGrpcServiceName,
        };
    }
}
