using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Tcp;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Config;

/// <summary>Registers what the transport rooms bring: listener filters, network filters, transport sockets.</summary>
public static class TransportExtensions
{
    public static void Register(ExtensionRegistry extensions)
    {
        extensions.Register<IListenerFilterFactory>(new OriginalDestinationFactory());
        extensions.Register<IListenerFilterFactory>(new TlsInspectorFactory());
        extensions.Register<IListenerFilterFactory>(new HttpInspectorFactory());
        extensions.Register<IListenerFilterFactory>(new ProxyProtocolFactory());
        extensions.Register<ITerminalNetworkFilterFactory>(new TcpProxyFactory());
        extensions.Register<INetworkFilterFactory>(new MetadataExchangeFactory());
        extensions.Register<INetworkFilterFactory>(new NetworkStatsFactory());
        extensions.Register<INetworkFilterFactory>(new MongoProxyFactory());
        var raw = new RawBufferFactory();
        extensions.Register<IUpstreamTransportFactory>(raw);
        extensions.Register<IDownstreamTransportFactory>(raw);
    }
}
