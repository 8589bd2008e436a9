using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Tls;

internal sealed class TlsDownstreamFactory : IDownstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"];

    public DownstreamTransport? Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        DownstreamTlsContext message = config.Parse(DownstreamTlsContext.Parser);
        var compiler = new TlsContextCompiler(context.Config, context.Warming, context.Owned);
        TlsContextModel model = compiler.Compile(message.CommonTlsContext, isServer: true, config.Field + ".common_tls_context");
        return new TlsDownstreamTransport(model, message.RequireClientCertificate ?? false);
    }
}
