using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>envoy.filters.http.grpc_web: lets browsers call gRPC servers.</summary>
public sealed class GrpcWebFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        config.Parse(Envoy.Extensions.Filters.Http.GrpcWeb.V3.GrpcWeb.Parser);
        return new GrpcWebModel();
    }
}
