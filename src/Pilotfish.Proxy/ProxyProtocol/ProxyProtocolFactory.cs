using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Message = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Pilotfish.Proxy.ProxyProtocol;

internal sealed class ProxyProtocolFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context) =>
        Create(config.Parse(Message.Parser), config.Field, context);

    internal static ProxyProtocolFilter Create(Message message, string field, CompileContext context)
    {
        string prefix = message.StatPrefix.Length > 0 ? "proxy_proto." + message.StatPrefix : "proxy_proto";
        return new ProxyProtocolFilter(
            new ProxyProtocolRules(message, field), new ProxyProtocolStats(context.Stats.Scope(prefix)));
    }
}
