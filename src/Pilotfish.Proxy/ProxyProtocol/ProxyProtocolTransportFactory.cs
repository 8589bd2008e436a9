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
        TransportSocket? inner = message.TransportSocket;
        if (inner is null)
        {
            throw new ConfigRejectedException(config.Field + ".transport_socket", "the transport behind the PROXY header is missing");
        }

        string field = config.Field + ".transport_socket";
        IUpstreamTransportFactory factory = context.Config.Extensions.Find<IUpstreamTransportFactory>(
            inner.TypedConfig ?? new(), inner.Name, field, out ExtensionConfig typed);
        ProxyProtocolConfig header = message.Config ?? new ProxyProtocolConfig();
        var added = new List<ProxyTlv>();
        for (int i = 0; i < header.AddedTlvs.Count; i++)
        {
            TlvEntry entry = header.AddedTlvs[i];
            byte type = TlvSelection.TypeOf(entry.Type, $"{config.Field}.config.added_tlvs[{i}].type");
            if (entry.FormatString is not null)
            {
                throw new ConfigRejectedException(
                    $"{config.Field}.config.added_tlvs[{i}].format_string", "a TLV's format_string is not supported; state its value");
            }

            if (!added.Exists(tlv => tlv.Type == type))
            {
                added.Add(new ProxyTlv(type, entry.Value.ToByteArray()));
            }
        }

        return new ProxyProtocolTransport(factory.Compile(typed, context), header.Version == ProxyProtocolConfig.Types.Version.V1 ? 1 : 2)
        {
            PassesThrough = new TlvSelection(header.PassThroughTlvs, config.Field + ".config.pass_through_tlvs"),
            Added = added,
            TlvsExceedMaxLength = context.Config.Stats.Scope("upstream.proxyprotocol").Counter("v2_tlvs_exceed_max_length"),
        };
    }
}
