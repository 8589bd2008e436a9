using System.Security.Authentication;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles common_tls_context: inline or file certificates, SDS and static secrets, verification, versions. Main loop.</summary>
internal sealed class TlsContextCompiler(CompileContext context, Warming warming, ICollection<IDisposable> owned)
{
    /// <summary>ocsp_staple_policy MUST_STAPLE: every certificate comes with a response.</summary>
    public bool DemandsStaples { get; init; }

    public TlsContextModel Compile(CommonTlsContext? common, bool isServer, string field)
    {
        common ??= new CommonTlsContext();
        UnheededFields.Check(UnheededFields.OfCommonTls, common, field, "TLS context", context.Warnings);
        string? absent = common.TlsCertificateProviderInstance is not null ? "tls_certificate_provider_instance"
            : common.CustomTlsCertificateSelector is not null ? "custom_tls_certificate_selector"
            : common.CustomHandshaker is not null ? "custom_handshaker"
            : null;
        if (absent is not null)
        {
            throw new ConfigRejectedException(
                $"{field}.{absent}", "certificate providers, selectors and custom handshakers are not supported");
        }

        TlsEngines.Prepare();
        TlsParameterCompiler.CheckCurves(common.TlsParams, field);
        TlsParameterCompiler.CheckSignatureAlgorithms(common.TlsParams, field);
        if (!isServer && Math.Max(common.TlsCertificates.Count, common.TlsCertificateSdsSecretConfigs.Count) > 1)
        {
            throw new ConfigRejectedException(field, "Multiple TLS certificates are not supported for client contexts");
        }

        SslProtocols protocols = TlsParameterCompiler.Protocols(common.TlsParams, isServer, field);
        List<string>? ciphers = TlsParameterCompiler.Ciphers(common.TlsParams, field);
        bool isFips = TlsParameterCompiler.IsFips(common.TlsParams, field);
        return new TlsContextModel
        {
            Protocols = isFips ? SslProtocols.Tls12 | SslProtocols.Tls13 : protocols,
            CipherSuites = isFips ? TlsParameterCompiler.FipsCiphers : ciphers,
            Groups = isFips ? TlsParameterCompiler.FipsGroups : [.. common.TlsParams?.EcdhCurves ?? []],
            SignatureAlgorithms = isFips ? TlsParameterCompiler.FipsSignatureAlgorithms : [.. common.TlsParams?.SignatureAlgorithms ?? []],
            IsAesOnly = isFips,
            KeyLog = KeyLogCompiler.Compile(common, field, context),
            ApplicationProtocols = [.. common.AlpnProtocols],
            Certificates = Certificates(common, field),
            Trust = Trust(common, field),
        };
    }

    private List<CertificateSlot> Certificates(CommonTlsContext common, string field)
    {
        var slots = new List<CertificateSlot>();
        for (int i = 0; i < common.TlsCertificates.Count; i++)
        {
            TlsCertificate certificate = common.TlsCertificates[i];
            string at = $"{field}.tls_certificates[{i}]";
            CertificateReader.CheckFields(certificate, at);
            UnheededFields.Check(UnheededFields.OfTlsCertificate, certificate, at, "TLS context", context.Warnings);
            WarnOfStaple(certificate, at);
            slots.Add(new CertificateSlot(CertificateStats.NameOf(certificate.Pkcs12 ?? certificate.CertificateChain)));
            CertificateSlot slot = slots[^1];
            Files().LoadWhenReadable(
                () => slot.Set(CertificateReader.Read(certificate, at, DemandsStaples)), certificate.WatchedDirectory,
                CertificateReader.Sources(certificate));
        }

        // Envoy passes over the secrets of a context that has certificates.
        foreach (SdsSecretConfig sds in slots.Count > 0 ? [] : common.TlsCertificateSdsSecretConfigs)
        {
            slots.Add(sds.SdsConfig is null
                ? StaticCertificate(sds, field + ".tls_certificate_sds_secret_configs")
                : context.Secrets.Certificate(sds, DemandsStaples, context.Workers.MainLoop, context.Subscriptions, warming, owned));
        }

        return slots;
    }

    private void WarnOfStaple(TlsCertificate certificate, string field)
    {
        if (certificate.OcspStaple is not null && !TlsEngines.HeedsParameters)
        {
            context.Warnings.Warn($"{field}.ocsp_staple: SslStream cannot staple; clients get no OCSP response");
        }
    }

    private TrustSlot? Trust(CommonTlsContext common, string field)
    {
        switch (common.ValidationContextTypeCase)
        {
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContext:
                string at = field + ".validation_context";
                CertificateValidationContext inline = common.ValidationContext;
                ValidationCompiler.CheckFields(inline, at);
                if (ValidationCompiler.IsEmpty(inline))
                {
                    return null;
                }

                var slot = new TrustSlot(inline.TrustedCa is { } roots ? CertificateStats.NameOfTrust(roots) : "");
                Files().LoadWhenReadable(() => slot.Set(ValidationCompiler.Compile(inline, at)), inline.WatchedDirectory, ValidationCompiler.Sources(inline));
                return slot;
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContextSdsSecretConfig:
                return Trust(common.ValidationContextSdsSecretConfig, new(), field + ".validation_context_sds_secret_config");
            case CommonTlsContext.ValidationContextTypeOneofCase.CombinedValidationContext:
                UnheededFields.Check(
                    UnheededFields.OfCombinedValidation, common.CombinedValidationContext, field + ".combined_validation_context", "TLS context",
                    context.Warnings);
                CertificateValidationContext defaults = common.CombinedValidationContext.DefaultValidationContext ?? new();
                ValidationCompiler.CheckFields(defaults, field + ".combined_validation_context.default_validation_context");
                SdsSecretConfig? sds = common.CombinedValidationContext.ValidationContextSdsSecretConfig;
                return Trust(sds ?? new(), defaults, field + ".combined_validation_context.validation_context_sds_secret_config");
            case CommonTlsContext.ValidationContextTypeOneofCase.None:
                return null;
            default:
                throw new ConfigRejectedException(field, "certificate providers are not supported; use files or SDS");
        }
    }

    private CertificateSlot StaticCertificate(SdsSecretConfig sds, string field)
    {
        Secret secret = StaticSecret(sds, field);
        TlsCertificate certificate = secret.TlsCertificate
            ?? throw new ConfigRejectedException("tls_certificate", $"secret '{secret.Name}' is no certificate");
        CertificateReader.CheckFields(certificate, "tls_certificate");
        WarnOfStaple(certificate, "tls_certificate");
        var slot = new CertificateSlot(sds.Name);
        Files().Load(
            () => slot.Set(CertificateReader.Read(certificate, "tls_certificate", DemandsStaples)), certificate.WatchedDirectory,
            CertificateReader.Sources(certificate));
        return slot;
    }

    private TrustSlot Trust(SdsSecretConfig sds, CertificateValidationContext defaults, string field)
    {
        if (sds.SdsConfig is not null)
        {
            return context.Secrets.Trust(sds, defaults, context.Workers.MainLoop, context.Subscriptions, warming, owned);
        }

        Secret secret = StaticSecret(sds, field);
        CertificateValidationContext merged = defaults.Clone();
        merged.MergeFrom(secret.ValidationContext
            ?? throw new ConfigRejectedException("validation_context", $"secret '{secret.Name}' is no validation context"));
        var slot = new TrustSlot(sds.Name);
        Files().Load(() => slot.Set(ValidationCompiler.Compile(merged, "validation_context")), merged.WatchedDirectory, ValidationCompiler.Sources(merged));
        return slot;
    }

    private Secret StaticSecret(SdsSecretConfig sds, string field) => context.StaticSecrets.GetValueOrDefault(sds.Name)
        ?? throw new ConfigRejectedException(
            field, $"Unknown static secret '{sds.Name}': it has no sds_config and static_resources.secrets does not name it");

    private SecretFiles Files()
    {
        var files = new SecretFiles(context.Workers.MainLoop);
        owned.Add(files);
        return files;
    }
}
