using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>TLS configuration as a control plane sends it.</summary>
internal static class TlsMessages
{
    public static DataSource Text(string text) => new() { InlineString = text };

    public static TlsCertificate Certificate((string Chain, string Key) pem) =>
        new() { CertificateChain = Text(pem.Chain), PrivateKey = Text(pem.Key) };

    public static SdsSecretConfig Sds(string name) =>
        new() { Name = name, SdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } };

    public static TransportSocket Socket(IMessage context) => new() { Name = "envoy.transport_sockets.tls", TypedConfig = Any.Pack(context) };

    public static FilterChain Chain(string name, string cluster, DownstreamTlsContext tls, FilterChainMatch? match = null)
    {
        FilterChain chain = TransportFixture.Chain(name, cluster, match);
        chain.TransportSocket = Socket(tls);
        return chain;
    }

    public static Listener Listener(string name, params FilterChain[] chains) => new()
    {
        Name = name,
        StatPrefix = name,
        Address = TransportFixture.Socket(Runtime.Sockets.NetAddress.Loopback(0)),
        FilterChains = { chains },
    };

    public static Envoy.Config.Listener.V3.ListenerFilter TlsInspector() => new()
    {
        Name = "envoy.filters.listener.tls_inspector",
        TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector()),
    };
}
