using System.Security.Cryptography;
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
        if (common.TlsCertificateProviderInstance is not null || common.CustomTlsCertificateSelector is not null
            || common.CustomHandshaker is not null)
        {
            throw new ConfigRejectedException(field, "certificate providers, selectors and custom handshakers are not supported");
        }

        TlsParameterCompiler.CheckCurves(common.TlsParams, field);
        if (!isServer && common.TlsCertificates.Count + common.TlsCertificateSdsSecretConfigs.Count > 1)
        {
            throw new ConfigRejectedException(field, "Multiple TLS certificates are not supported for client contexts");
        }

        return new TlsContextModel
        {
            Protocols = TlsParameterCompiler.Protocols(common.TlsParams, isServer, field),
            CipherSuites = TlsParameterCompiler.Ciphers(common.TlsParams, field),
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
            CheckFields(certificate, at);
            slots.Add(new CertificateSlot());
            CertificateSlot slot = slots[^1];
            Files().LoadWhenReadable(
                () => slot.Set(Read(certificate, at)), certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12);
        }

        foreach (SdsSecretConfig sds in common.TlsCertificateSdsSecretConfigs)
        {
            var slot = new CertificateSlot();
            slots.Add(slot);
            SecretFiles files = Files();
            Subscribe(sds, field + ".tls_certificate_sds_secret_configs", secret =>
            {
                TlsCertificate certificate = secret.TlsCertificate
                    ?? throw new ConfigRejectedException("tls_certificate", $"secret '{secret.Name}' is no certificate");
                CheckFields(certificate, "tls_certificate");
                files.Load(
                    () => slot.Set(Read(certificate, "tls_certificate")),
                    certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12);
            });
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

    private TrustSlot Trust(SdsSecretConfig sds, CertificateValidationContext defaults, string field)
    {
        var slot = new TrustSlot();
        SecretFiles files = Files();
        Subscribe(sds, field, secret =>
        {
            // The dynamic part is merged over the default one, as protobuf merges: lists are appended.
            CertificateValidationContext merged = defaults.Clone();
            merged.MergeFrom(secret.ValidationContext
                ?? throw new ConfigRejectedException("validation_context", $"secret '{secret.Name}' is no validation context"));
            files.Load(
                () => slot.Set(ValidationCompiler.Compile(merged, "validation_context")), ValidationCompiler.Sources(merged));
        });
        return slot;
    }

    private SecretFiles Files()
    {
        var files = new SecretFiles(context.Workers.MainLoop);
        owned.Add(files);
        return files;
    }

    private void Subscribe(SdsSecretConfig config, string field, Action<Secret> apply)
    {
        if (config.SdsConfig is null)
        {
            apply(context.StaticSecrets.GetValueOrDefault(config.Name)
                ?? throw new ConfigRejectedException(
                    field, $"Unknown static secret '{config.Name}': it has no sds_config and static_resources.secrets does not name it"));
            return;
        }

        var subscription = new SecretSubscription(apply);
        owned.Add(subscription);
        subscription.OnKnown = warming.Add("secret " + config.Name).Ready;
        subscription.Start(context.Subscriptions, config);
    }

    private static void CheckFields(TlsCertificate certificate, string field)
    {
        if (certificate.PrivateKeyProvider is not null)
        {
            throw new ConfigRejectedException(field + ".private_key_provider", "private key providers are not supported");
        }

        if (certificate.Pkcs12 is null && (certificate.CertificateChain is null || certificate.PrivateKey is null))
        {
            throw new ConfigRejectedException(field, "a certificate needs certificate_chain and private_key");
        }
    }

    private static TlsIdentity Read(TlsCertificate certificate, string field)
    {
        string? password = certificate.Password is { } secret ? DataSources.ReadText(secret, field + ".password") : null;
        try
        {
            if (certificate.Pkcs12 is { } bundle)
            {
                return new TlsIdentity(TlsCertificates.FromPkcs12(DataSources.ReadBytes(bundle, field + ".pkcs12"), password));
            }

            string chain = DataSources.ReadText(certificate.CertificateChain, field + ".certificate_chain");
            string key = DataSources.ReadText(certificate.PrivateKey, field + ".private_key");
            return new TlsIdentity(TlsCertificates.FromPem(chain, key, password));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ConfigRejectedException(field, $"the certificate and key cannot be used: {e.Message}", e);
        }
    }
}
