using System.Text;
using Istio.Envoy.Config.Filter.Http.Alpn.V2Alpha1;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Alpn;

/// <summary>istio.alpn: which application protocols a sidecar offers to the other sidecar in the TLS handshake.</summary>
public sealed class AlpnFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        Dictionary<FilterConfig.Types.Protocol, UpstreamProtocols> lists = [];
        foreach (FilterConfig.Types.AlpnOverride entry in config.Parse(FilterConfig.Parser).AlpnOverride)
        {
            if (entry.AlpnOverride_.Count > 0)
            {
                lists[entry.UpstreamProtocol] = new UpstreamProtocols(entry.AlpnOverride_);
            }
        }

        return new AlpnModel(
            lists.GetValueOrDefault(FilterConfig.Types.Protocol.Http10),
            lists.GetValueOrDefault(FilterConfig.Types.Protocol.Http11),
            lists.GetValueOrDefault(FilterConfig.Types.Protocol.Http2));
    }
}
