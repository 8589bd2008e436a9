using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tls;

internal sealed class TlsUpstreamFactory : IUpstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"];

    public UpstreamTransport Compile(in ExtensionConfig config, UpstreamTransportContext context)
    {
        UpstreamTlsContext message = config.Parse(UpstreamTlsContext.Parser);
        UnheededFields.Check(
            UnheededFields.OfUpstreamTls, message, config.Field, $"cluster '{context.Config.ResourceName}'", context.Config.Warnings);
        string field = config.Field + ".common_tls_context";
        if (message.AllowRenegotiation)
        {
            context.Config.Warnings.Add($"{config.Field}.allow_renegotiation: renegotiation stays off");
        }

        var compiler = new TlsContextCompiler(context.Config, context.Warming, context.Owned);
        TlsContextModel model = compiler.Compile(message.CommonTlsContext, isServer: false, field);
        if (message.AutoSniSanValidation && model.Trust is null)
        {
            throw new ConfigRejectedException(
                field, "'auto_sni_san_validation' was configured without configuring a trusted CA");
        }

        return new TlsUpstreamTransport(model)
        {
            ServerName = message.Sni,
            UsesHostname = message.AutoHostSni,
            ValidatesServerName = message.AutoSniSanValidation,
            AllowsResumption = message.MaxSessionKeys is not 0,
        };
    }
}
