using Envoy.Extensions.Filters.Listener.ProxyProtocol.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

internal sealed class ProxyProtocolFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context) =>
        new ProxyProtocolFilter(config.Parse(ProxyProtocol.Parser).AllowRequestsWithoutProxyProtocol);
}
