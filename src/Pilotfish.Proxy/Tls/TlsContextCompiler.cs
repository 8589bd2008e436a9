using System.Security.Authentication;
using System.Security.Cryptography;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles common_tls_context: inline or file certificates, SDS secrets, verification, versions, ciphers. Main loop.</summary>
internal sealed class TlsContextCompiler(CompileContext context, Warming? warming, ICollection<IDisposable> owned)
{
    // OpenSSL's names, as Envoy and Istio write them, to those of IANA, as handshakes report them.
    private static readonly Dictionary<string, string> s_ciphers = new()
    {
        ["ECDHE-ECDSA-AES256-GCM-SHA384"] = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ["ECDHE-RSA-AES256-GCM-SHA384"] = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ["ECDHE-ECDSA-AES128-GCM-SHA256"] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ["ECDHE-RSA-AES128-GCM-SHA256"] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ["ECDHE-ECDSA-CHACHA20-POLY1305"] = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ["ECDHE-RSA-CHACHA20-POLY1305"] = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ["AES256-GCM-SHA384"] = "TLS_RSA_WITH_AES_256_GCM_SHA384",
        ["AES128-GCM-SHA256"] = "TLS_RSA_WITH_AES_128_GCM_SHA256",
    };

    public TlsContextModel Compile(CommonTlsContext? common, bool isServer, string field)
    {
        common ??= new CommonTlsContext();
        return new TlsContextModel
        {
            Certificate = Certificate(common, field),
            Trust = Trust(common, field),
            ApplicationProtocols = [.. common.AlpnProtocols],
            Protocols = Protocols(common.TlsParams, isServer),
            CipherSuites = Ciphers(common.TlsParams, field),
        };
    }

    private CertificateSlot? Certificate(CommonTlsContext common, string field)
    {
        var slot = new CertificateSlot();
        if (common.TlsCertificateSdsSecretConfigs.Count > 0)
        {
            SdsSecretConfig sds = common.TlsCertificateSdsSecretConfigs[0];
            Subscribe(sds, secret => slot.Set(Read(secret.TlsCertificate, "tls_certificate")));
            return slot;
        }

        if (common.TlsCertificates.Count == 0)
        {
            return null;
        }

        TlsCertificate certificate = common.TlsCertificates[0];
        LoadFiles(() => slot.Set(Read(certificate, field + ".tls_certificates[0]")));
        return slot;
    }

    private TrustSlot? Trust(CommonTlsContext common, string field)
    {
        var slot = new TrustSlot();
        switch (common.ValidationContextTypeCase)
        {
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContext:
                CertificateValidationContext inline = common.ValidationContext;
                PeerRules rules = PeerRules.Compile(inline, field + ".validation_context");
                if (inline.TrustedCa is null && rules.IsEmpty)
                {
                    return null;
                }

                LoadFiles(() => slot.Set(Verification(inline, rules, field + ".validation_context")));
                return slot;
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContextSdsSecretConfig:
                Subscribe(common.ValidationContextSdsSecretConfig, secret => slot.Set(Verification(
                    secret.ValidationContext, PeerRules.Compile(secret.ValidationContext, "validation_context"), "validation_context")));
                return slot;
            case CommonTlsContext.ValidationContextTypeOneofCase.CombinedValidationContext:
                CertificateValidationContext defaults = common.CombinedValidationContext.DefaultValidationContext ?? new();
                PeerRules.Compile(defaults, field + ".combined_validation_context.default_validation_context");
                Subscribe(common.CombinedValidationContext.ValidationContextSdsSecretConfig ?? new(), secret =>
                {
                    // The dynamic part is merged over the default one, as protobuf merges: lists are appended.
                    CertificateValidationContext merged = defaults.Clone();
                    merged.MergeFrom(secret.ValidationContext ?? new());
                    slot.Set(Verification(merged, PeerRules.Compile(merged, "validation_context"), "validation_context"));
                });
                return slot;
            case CommonTlsContext.ValidationContextTypeOneofCase.None:
                return null;
            default:
                throw new ConfigRejectedException(field, "certificate providers are not supported; use files or SDS");
        }
    }

    private void Subscribe(SdsSecretConfig config, Action<Secret> apply)
    {
        var subscription = new SecretSubscription(apply);
        owned.Add(subscription);
        if (config.SdsConfig is not null)
        {
            subscription.OnKnown = warming is null ? null : warming.Add("secret " + config.Name).Ready;
        }

        subscription.Start(context.Subscriptions, config);
    }

    /// <summary>
    /// Files that do not exist yet do not make a config invalid: a pod's secrets may be mounted late. They are tried again until
    /// they can be read.
    /// </summary>
    private void LoadFiles(Action load)
    {
        var loader = new FileLoader(context.Workers.MainLoop, load);
        owned.Add(loader);
        loader.TryNow();
    }

    private static System.Net.Security.SslStreamCertificateContext Read(TlsCertificate? certificate, string field)
    {
        if (certificate?.CertificateChain is null || certificate.PrivateKey is null)
        {
            throw new ConfigRejectedException(field, "a certificate needs certificate_chain and private_key");
        }

        string chain = DataSources.ReadText(certificate.CertificateChain, field + ".certificate_chain");
        string key = DataSources.ReadText(certificate.PrivateKey, field + ".private_key");
        try
        {
            return TlsCertificates.FromPem(chain, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ConfigRejectedException(field, $"the certificate and key cannot be used: {e.Message}", e);
        }
    }

    private static TlsPeerVerification Verification(CertificateValidationContext? validation, PeerRules rules, string field)
    {
        validation ??= new CertificateValidationContext();
        try
        {
            return new TlsPeerVerification
            {
                Roots = validation.TrustedCa is { } roots
                    ? TlsCertificates.RootsFromPem(DataSources.ReadText(roots, field + ".trusted_ca"))
                    : [],
                Check = rules.IsEmpty ? null : rules.Check,
                AcceptUntrusted = validation.TrustedCa is null
                    || validation.TrustChainVerification == CertificateValidationContext.Types.TrustChainVerification.AcceptUntrusted,
                AllowExpired = validation.AllowExpiredCertificate,
            };
        }
        catch (CryptographicException e)
        {
            throw new ConfigRejectedException(field + ".trusted_ca", $"the certificates cannot be read: {e.Message}", e);
        }
    }

    private static SslProtocols Protocols(TlsParameters? parameters, bool isServer)
    {
        // Envoy's defaults: 1.2 to 1.3 for servers, 1.2 only for clients.
        bool from13 = parameters?.TlsMinimumProtocolVersion == TlsParameters.Types.TlsProtocol.Tlsv13;
        bool to13 = parameters?.TlsMaximumProtocolVersion switch
        {
            TlsParameters.Types.TlsProtocol.Tlsv13 => true,
            null or TlsParameters.Types.TlsProtocol.TlsAuto => isServer || from13,
            _ => false,
        };
        return (from13 ? SslProtocols.None : SslProtocols.Tls12) | (to13 ? SslProtocols.Tls13 : SslProtocols.None);
    }

    private static HashSet<string>? Ciphers(TlsParameters? parameters, string field)
    {
        if (parameters is null || parameters.CipherSuites.Count == 0)
        {
            return null;
        }

        var allowed = new HashSet<string>();
        foreach (string group in parameters.CipherSuites)
        {
            // [A|B] is a group of equal preference.
            foreach (string name in group.Trim('[', ']').Split('|'))
            {
                if (!s_ciphers.TryGetValue(name, out string? iana))
                {
                    throw new ConfigRejectedException(field + ".tls_params.cipher_suites", $"'{name}' is not a supported cipher suite");
                }

                allowed.Add(iana);
            }
        }

        return allowed;
    }
}
