using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.ProxyProtocol.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.ProxyProtocol;

internal sealed class ProxyProtocolTransportFactory : IUpstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"];

    public UpstreamTransport Compile(in ExtensionConfig config, UpstreamTransportContext context)
    {
        ProxyProtocolUpstreamTransport message = config.Parse(ProxyProtocolUpstreamTransport.Parser);
        UnheededFields.Check(UnheededFields.OfProxyTransport, message, config.Field, "upstream_proxy_protocol", context.Config.Warnings);
        TransportSocket? inner = message.TransportSocket;
        if (inner is null)
        {
            throw new ConfigRejectedException(config.Field + ".transport_socket", "the transport behind the PROXY header is missing");
        }

        string field = config.Field + ".transport_socket";
        IUpstreamTransportFactory factory = context.Config.Extensions.Find<IUpstreamTransportFactory>(
            inner.TypedConfig ?? new(), inner.Name, field, out ExtensionConfig typed);
        return new ProxyProtocolTransport(
            factory.Compile(typed, context), ProxyHeaderTemplate.Compile(message.Config ?? new ProxyProtocolConfig(), config.Field + ".config"))
        {
            TlvsExceedMaxLength = context.Config.Stats.Scope("upstream.proxyprotocol").Counter("v2_tlvs_exceed_max_length"),
        };
    }
}
