using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles common_tls_context: inline or file certificates, SDS and static secrets, verification, versions. Main loop.</summary>
internal sealed class TlsContextCompiler(CompileContext context, Warming warming, ICollection<IDisposable> owned)
{
    public TlsContextModel Compile(CommonTlsContext? common, bool isServer, string field)
    {
        common ??= new CommonTlsContext();
        UnheededFields.Check(UnheededFields.OfCommonTls, common, field, "TLS context", context.Warnings);
        UnheededFields.Check(UnheededFields.OfTlsParameters, common.TlsParams, field + ".tls_params", "TLS context", context.Warnings);
        CheckValidation(common, field);
        if (common.TlsCertificateProviderInstance is not null || common.CustomTlsCertificateSelector is not null
            || common.CustomHandshaker is not null)
        {
            throw new ConfigRejectedException(field, "certificate providers, selectors and custom handshakers are not supported");
        }

        TlsEngines.Prepare();
        TlsParameterCompiler.CheckCurves(common.TlsParams, field);
        TlsParameterCompiler.CheckSignatureAlgorithms(common.TlsParams, field);
        if (!isServer && common.TlsCertificates.Count + common.TlsCertificateSdsSecretConfigs.Count > 1)
        {
            throw new ConfigRejectedException(field, "Multiple TLS certificates are not supported for client contexts");
        }

        return new TlsContextModel
        {
            Protocols = TlsParameterCompiler.Protocols(common.TlsParams, isServer, field),
            CipherSuites = TlsParameterCompiler.Ciphers(common.TlsParams, field),
            Groups = [.. common.TlsParams?.EcdhCurves ?? []],
            SignatureAlgorithms = [.. common.TlsParams?.SignatureAlgorithms ?? []],
            ApplicationProtocols = [.. common.AlpnProtocols],
            Certificates = Certificates(common, field),
            Trust = Trust(common, field),
        };
    }

    private void CheckValidation(CommonTlsContext common, string field)
    {
        UnheededFields.Check(UnheededFields.OfValidation, common.ValidationContext, field + ".validation_context", "TLS context", context.Warnings);
        UnheededFields.Check(UnheededFields.OfValidation, common.CombinedValidationContext?.DefaultValidationContext,
            field + ".combined_validation_context.default_validation_context", "TLS context", context.Warnings);
    }

    private List<CertificateSlot> Certificates(CommonTlsContext common, string field)
    {
        var slots = new List<CertificateSlot>();
        for (int i = 0; i < common.TlsCertificates.Count; i++)
        {
            TlsCertificate certificate = common.TlsCertificates[i];
            string at = $"{field}.tls_certificates[{i}]";
            CertificateReader.CheckFields(certificate, at);
            slots.Add(new CertificateSlot());
            CertificateSlot slot = slots[^1];
            Files().LoadWhenReadable(
                () => slot.Set(CertificateReader.Read(certificate, at)), certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12);
        }

        foreach (SdsSecretConfig sds in common.TlsCertificateSdsSecretConfigs)
        {
            slots.Add(sds.SdsConfig is null
                ? StaticCertificate(sds, field + ".tls_certificate_sds_secret_configs")
                : context.Secrets.Certificate(sds, context.Workers.MainLoop, context.Subscriptions, warming, owned));
        }

        return slots;
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

                var slot = new TrustSlot();
                Files().LoadWhenReadable(() => slot.Set(ValidationCompiler.Compile(inline, at)), ValidationCompiler.Sources(inline));
                return slot;
            case CommonTlsContext.ValidationContextTypeOneofCase.ValidationContextSdsSecretConfig:
                return Trust(common.ValidationContextSdsSecretConfig, new(), field + ".validation_context_sds_secret_config");
            case CommonTlsContext.ValidationContextTypeOneofCase.CombinedValidationContext:
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
        var slot = new CertificateSlot();
        Files().Load(
            () => slot.Set(CertificateReader.Read(certificate, "tls_certificate")),
            certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12);
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
        var slot = new TrustSlot();
        Files().Load(() => slot.Set(ValidationCompiler.Compile(merged, "validation_context")), ValidationCompiler.Sources(merged));
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
