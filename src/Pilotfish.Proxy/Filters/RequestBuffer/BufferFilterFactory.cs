using Envoy.Extensions.Filters.Http.Buffer.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.RequestBuffer;

/// <summary>envoy.filters.http.buffer: requests go on when they are whole, with a length; those that are too large are refused with 413.</summary>
public sealed class BufferFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    // A request's body is one piece of memory here. Envoy takes up to 4 GiB.
    private const uint RequestBytesMax = 1 << 30;

    private const string PerRoute = "envoy.extensions.filters.http.buffer.v3.BufferPerRoute";

    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.buffer.v3.Buffer", PerRoute];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) =>
        new BufferModel(Limit(config.Parse(Envoy.Extensions.Filters.Http.Buffer.V3.Buffer.Parser), config.Field));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context)
    {
        if (config.MessageName != PerRoute)
        {
            throw new ConfigRejectedException(config.Field, $"a route's config of the buffer filter is of type '{PerRoute}'");
        }

        BufferPerRoute route = config.Parse(BufferPerRoute.Parser);
        return route.OverrideCase switch
        {
            BufferPerRoute.OverrideOneofCase.Buffer => Limit(route.Buffer, $"{config.Field}.buffer"),
            BufferPerRoute.OverrideOneofCase.Disabled when route.Disabled => new BufferLimit(0, IsOff: true),
            _ => throw new ConfigRejectedException(config.Field, "it must say either disabled: true or buffer"),
        };
    }

    private static BufferLimit Limit(Envoy.Extensions.Filters.Http.Buffer.V3.Buffer buffer, string field) => buffer.MaxRequestBytes is > 0 and <= RequestBytesMax and { } bytes
        ? new BufferLimit(bytes, IsOff: false)
        : throw new ConfigRejectedException($"{field}.max_request_bytes", $"'{buffer.MaxRequestBytes}' is not within 1 to {RequestBytesMax}");
}
