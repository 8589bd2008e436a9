using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using FilterMessage = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// http_filters of a cluster's HttpProtocolOptions, or upstream_http_filters of a router: requests pass them in their order, responses in the
/// reverse. The last is always the codec, which is no object here. Immutable.
/// </summary>
public sealed class UpstreamHttpFilters
{
    private const string Codec = "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";

    private readonly UpstreamHttpFilter[] _filters;

    private UpstreamHttpFilters(UpstreamHttpFilter[] filters) => _filters = filters;

    /// <summary>Null for no chain, and for one that does nothing but send.</summary>
    /// <exception cref="ConfigRejectedException">A filter is unknown or wrong, or the codec is not the last one.</exception>
    internal static UpstreamHttpFilters? Compile(RepeatedField<FilterMessage> chain, string field, CompileContext context)
    {
        if (chain.Count == 0)
        {
            return null;
        }

        var filters = new List<UpstreamHttpFilter>();
        for (int i = 0; i < chain.Count; i++)
        {
            FilterMessage filter = chain[i];
            string at = $"{field}[{i}]";
            if (filter.ConfigDiscovery is not null)
            {
                throw new ConfigRejectedException(at + ".config_discovery", "upstream filters do not follow ECDS");
            }

            if (filter.Disabled)
            {
                throw new ConfigRejectedException(at + ".disabled", "no route could enable an upstream filter");
            }

            bool isLast = i == chain.Count - 1;
            ExtensionConfig config = ExtensionRegistry.Unwrap(filter.TypedConfig ?? new(), at + ".typed_config");
            if (config.MessageName == Codec != isLast)
            {
                throw new ConfigRejectedException(at, isLast
                    ? $"filter '{filter.Name}' is the last one, which must be envoy.filters.http.upstream_codec"
                    : "envoy.filters.http.upstream_codec must be the last filter");
            }

            if (!isLast && !(filter.IsOptional && !context.Extensions.TryFind<IUpstreamHttpFilterFactory>(config.MessageName, out _)))
            {
                filters.Add(context.Extensions.Find<IUpstreamHttpFilterFactory>(
                    filter.TypedConfig ?? new(), filter.Name, at + ".typed_config", out ExtensionConfig unwrapped).Compile(unwrapped, context));
            }
        }

        return filters.Count == 0 ? null : new UpstreamHttpFilters([.. filters]);
    }

    internal void OnRequestHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        foreach (UpstreamHttpFilter filter in _filters)
        {
            filter.OnRequestHeaders(headers, info, scratch);
        }
    }

    internal void OnRequestTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch)
    {
        foreach (UpstreamHttpFilter filter in _filters)
        {
            filter.OnRequestTrailers(trailers, info, scratch);
        }
    }

    internal void OnResponseHeaders(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        for (int i = _filters.Length - 1; i >= 0; i--)
        {
            _filters[i].OnResponseHeaders(headers, info, scratch);
        }
    }

    internal void OnResponseTrailers(HeaderMap trailers, StreamInfo info, FormatOutput scratch)
    {
        for (int i = _filters.Length - 1; i >= 0; i--)
        {
            _filters[i].OnResponseTrailers(trailers, info, scratch);
        }
    }
}
