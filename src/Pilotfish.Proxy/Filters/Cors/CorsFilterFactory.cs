using Envoy.Extensions.Filters.Http.Cors.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>envoy.filters.http.cors: nothing by itself; its policies are per-route config.</summary>
public sealed class CorsFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    public IReadOnlyList<string> MessageNames { get; } =
    [
        "envoy.extensions.filters.http.cors.v3.Cors",
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    ];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new CorsModel(new CorsStats(context.Stats.Scope("cors")));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context) =>
        new CompiledCorsPolicy(config.Parse(CorsPolicy.Parser), config.Field, context.Runtime);
}
