using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

internal sealed class TlsUpstreamFactory : IUpstreamTransportFactory
{
    private const int ServerNameBytesMax = 255;

    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"];

    public UpstreamTransport Compile(in ExtensionConfig config, UpstreamTransportContext context)
    {
        UpstreamTlsContext message = config.Parse(UpstreamTlsContext.Parser);
        string field = config.Field + ".common_tls_context";
        if (message.Sni.Length > ServerNameBytesMax)
        {
            throw new ConfigRejectedException(config.Field + ".sni", $"it has {message.Sni.Length} bytes; at most {ServerNameBytesMax} are allowed");
        }

        if (message.AllowRenegotiation && !TlsEngines.HeedsParameters)
        {
            context.Config.Warnings.Warn($"{config.Field}.allow_renegotiation: with SslStream renegotiation stays off");
        }

        if (message.MaxSessionKeys is > 1 && !TlsEngines.HeedsParameters)
        {
            context.Config.Warnings.Warn($"{config.Field}.max_session_keys: SslStream bounds its sessions itself");
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
            SessionsMax = message.MaxSessionKeys is { } keys ? (int)Math.Min(keys, int.MaxValue) : null,
            AllowsRenegotiation = message.AllowRenegotiation,
            EnforcesRsaKeyUsage = message.EnforceRsaKeyUsage ?? false,
        };
    }
}
