using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tls;

internal sealed class TlsUpstreamFactory : IUpstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"];

    public UpstreamTransport Compile(in ExtensionConfig config, CompileContext context)
    {
        UpstreamTlsContext message = config.Parse(UpstreamTlsContext.Parser);

        // A cluster serves while its secrets are on their way: its connections fail with a sentence that says so.
        var compiler = new TlsContextCompiler(context, warming: null, new List<IDisposable>());
        TlsContextModel model = compiler.Compile(message.CommonTlsContext, isServer: false, config.Field + ".common_tls_context");
        return new TlsUpstreamTransport(model, message.Sni, message.AutoHostSni);
    }
}
