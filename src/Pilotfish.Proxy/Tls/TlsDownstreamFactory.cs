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
        UnheededFields.Check(
            UnheededFields.OfDownstreamTls, message, config.Field, $"listener '{context.ListenerName}'", context.Config.Warnings);
        string field = config.Field + ".common_tls_context";
        if ((message.CommonTlsContext?.TlsCertificates.Count ?? 0) + (message.CommonTlsContext?.TlsCertificateSdsSecretConfigs.Count ?? 0) == 0)
        {
            throw new ConfigRejectedException(field, "No TLS certificates found for server context");
        }

        if (message.OcspStaplePolicy != DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling)
        {
            throw new ConfigRejectedException($"{config.Field}.ocsp_staple_policy",
                $"'{message.OcspStaplePolicy}' needs OCSP stapling, which is not available in Pilotfish; only LENIENT_STAPLING is");
        }

        var compiler = new TlsContextCompiler(context.Config, context.Warming, context.Owned);
        var transport = new TlsDownstreamTransport(compiler.Compile(message.CommonTlsContext, isServer: true, field))
        {
            TicketKeys = TicketKeyCompiler.Compile(message, config.Field, context),
            RequiresClientCertificate = message.RequireClientCertificate ?? false,
            AllowsResumption = !message.DisableStatelessSessionResumption,
            ScansAllCertificates = message.FullScanCertsOnSniMismatch ?? false,
        };
        context.Owned.Add(transport.Choices);
        return transport;
    }
}
