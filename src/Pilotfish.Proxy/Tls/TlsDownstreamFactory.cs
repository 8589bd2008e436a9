using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

internal sealed class TlsDownstreamFactory : IDownstreamTransportFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"];

    public DownstreamTransport? Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        DownstreamTlsContext message = config.Parse(DownstreamTlsContext.Parser);
        string field = config.Field + ".common_tls_context";
        if ((message.CommonTlsContext?.TlsCertificates.Count ?? 0) + (message.CommonTlsContext?.TlsCertificateSdsSecretConfigs.Count ?? 0) == 0)
        {
            throw new ConfigRejectedException(field, "No TLS certificates found for server context");
        }

        CheckPolicy(message, config.Field);
        WarnOfEngine(message, config.Field, context.Config.Warnings);
        var compiler = new TlsContextCompiler(context.Config, context.Warming, context.Owned)
        {
            DemandsStaples = message.OcspStaplePolicy == DownstreamTlsContext.Types.OcspStaplePolicy.MustStaple,
        };
        TlsContextModel model = compiler.Compile(message.CommonTlsContext, isServer: true, field);
        var transport = new TlsDownstreamTransport(
            model, new CertificateChooser(model.Certificates, message.FullScanCertsOnSniMismatch ?? false, message.OcspStaplePolicy))
        {
            TicketKeys = TicketKeyCompiler.Compile(message, config.Field, context),
            RequiresClientCertificate = message.RequireClientCertificate ?? false,
            RequiresServerName = message.RequireSni ?? false,
            Resumption = (message.DisableStatelessSessionResumption ? TlsResumption.None : TlsResumption.Tickets)
                | (message.DisableStatefulSessionResumption ? TlsResumption.None : TlsResumption.SessionIds),
            SessionSeconds = SessionSeconds(message, config.Field),
            PrefersClientCiphers = message.PreferClientCiphers,
        };
        context.Owned.Add(transport.Choices);
        StatScope scope = context.Config.Stats.Scope(context.StatPrefix);
        context.Owned.Add(scope);
        CertificateStats.Show(scope, model, isServer: true);
        return transport;
    }

    private static void CheckPolicy(DownstreamTlsContext message, string field)
    {
        string at = field + ".ocsp_staple_policy";
        if (!Enum.IsDefined(message.OcspStaplePolicy))
        {
            throw new ConfigRejectedException(at, $"{(int)message.OcspStaplePolicy} is no known policy");
        }

        if (message.OcspStaplePolicy != DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling && !TlsEngines.HeedsParameters)
        {
            throw new ConfigRejectedException(
                at, $"'{message.OcspStaplePolicy}' needs OCSP stapling, which SslStream has not; this system has no libssl.so.3");
        }
    }

    /// <summary>Whole seconds; null for the library's own time, which zero asks for too.</summary>
    private static uint? SessionSeconds(DownstreamTlsContext message, string field)
    {
        long seconds = message.SessionTimeout?.Seconds ?? 0;
        return seconds is < 0 or > uint.MaxValue
            ? throw new ConfigRejectedException(field + ".session_timeout", $"{seconds} s is outside 0 to {uint.MaxValue} s")
            : seconds == 0 ? null : (uint)seconds;
    }

    private static void WarnOfEngine(DownstreamTlsContext message, string field, ConfigProblems warnings)
    {
        if (TlsEngines.HeedsParameters)
        {
            return;
        }

        if (message.SessionTimeout is not null)
        {
            warnings.Warn($"{field}.session_timeout: SslStream keeps sessions as long as its own default says");
        }

        if (message.DisableStatefulSessionResumption)
        {
            warnings.Warn($"{field}.disable_stateful_session_resumption: SslStream resumes sessions by ticket alone");
        }

        if (message.PreferClientCiphers)
        {
            warnings.Warn($"{field}.prefer_client_ciphers: with SslStream the server's order of cipher suites counts");
        }
    }
}
