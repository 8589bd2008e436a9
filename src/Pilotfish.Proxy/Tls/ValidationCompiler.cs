using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Turns a CertificateValidationContext into what judges peers. Main loop.</summary>
internal static class ValidationCompiler
{
    private const string SpiffeValidator = "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";

    private const uint VerifyDepthMax = 100;

    /// <summary>Where Debian, and every image made from it, keeps public roots.</summary>
    private const string SystemRootsPath = "/etc/ssl/certs/ca-certificates.crt";

    /// <summary>The sources that may be files.</summary>
    public static DataSource?[] Sources(CertificateValidationContext context) =>
        [context.TrustedCa, context.Crl, .. Spiffe(context, "") is { } spiffe ? SpiffeTrust.Sources(spiffe) : []];

    /// <summary>Whether there is anything to verify at all.</summary>
    public static bool IsEmpty(CertificateValidationContext context) =>
        context.TrustedCa is null && context.SystemRootCerts is null && context.CustomValidatorConfig is null
        && !AcceptsUntrusted(context) && PeerRules.Compile(context, "").IsEmpty;

    /// <summary>
    /// Reads files and throws <see cref="ConfigRejectedException"/> when something cannot be used.
    /// </summary>
    /// <param name="validation">The message; null is an empty one.</param>
    /// <param name="field">Where it stands, for messages.</param>
    /// <param name="anchors">Roots that others read before; null to read them for this context alone.</param>
    public static TlsPeerVerification Compile(CertificateValidationContext? validation, string field, TrustAnchors? anchors = null)
    {
        CertificateValidationContext context = validation ?? new CertificateValidationContext();
        PeerRules rules = CheckFields(context, field);
        string roots = context.TrustedCa is { } given ? DataSources.ReadText(given, field + ".trusted_ca")
            : context.SystemRootCerts is not null
                ? DataSources.ReadText(new DataSource { Filename = SystemRootsPath }, field + ".system_root_certs")
                : "";
        SpiffeTrust? spiffe = Spiffe(context, field) is { } config ? SpiffeTrust.Compile(config, field) : null;
        return new TlsPeerVerification
        {
            Roots = spiffe?.AllRoots ?? Roots(roots, field, anchors),
            RootsFor = spiffe is null ? null : spiffe.RootsFor,
            Check = rules.IsEmpty ? null : rules.Check,
            // The SPIFFE validator has no such mode.
            AcceptUntrusted = spiffe is null && AcceptsUntrusted(context),
            AllowExpired = context.AllowExpiredCertificate,
            Revocation = Revocation(context, roots, field),
            RevokesLeafOnly = context.OnlyVerifyLeafCertCrl,
            // The field counts the anchor and not the leaf.
            DepthMax = context.MaxVerifyDepth is { } depth ? Math.Max(0, (int)depth - 1) : null,
        };
    }

    /// <summary>What can be judged without reading a file; done at once, so that a bad rule is refused and not a bad file.</summary>
    public static PeerRules CheckFields(CertificateValidationContext context, string field)
    {
        Spiffe(context, field);
        if (context.CaCertificateProviderInstance is not null)
        {
            throw new ConfigRejectedException(
                field + ".ca_certificate_provider_instance", "certificate providers are not supported; use files or SDS");
        }

        if (context.RequireSignedCertificateTimestamp ?? false)
        {
            throw new ConfigRejectedException(
                field + ".require_signed_certificate_timestamp", "certificate transparency is not implemented (nor is it in Envoy)");
        }

        if (context.WatchedDirectory is { Path.Length: 0 })
        {
            throw new ConfigRejectedException(field + ".watched_directory.path", "it is empty");
        }

        if (context.MaxVerifyDepth > VerifyDepthMax)
        {
            throw new ConfigRejectedException(field + ".max_verify_depth", $"{context.MaxVerifyDepth} is above {VerifyDepthMax}");
        }

        return PeerRules.Compile(context, field);
    }

    private static bool AcceptsUntrusted(CertificateValidationContext context) =>
        context.TrustChainVerification == CertificateValidationContext.Types.TrustChainVerification.AcceptUntrusted;

    private static X509Certificate2Collection Roots(string pem, string field, TrustAnchors? anchors)
    {
        if (pem.Length == 0)
        {
            return [];
        }

        try
        {
            X509Certificate2Collection roots = anchors?.Read(pem) ?? TlsCertificates.RootsFromPem(pem);
            return roots.Count > 0
                ? roots
                : throw new ConfigRejectedException(field + ".trusted_ca", "it holds no certificate");
        }
        catch (CryptographicException e)
        {
            throw new ConfigRejectedException(field + ".trusted_ca", $"the certificates cannot be read: {FailureText.Of(e)}", e);
        }
    }

    // Lists may stand in a file of their own or among the roots.
    private static RevocationLists? Revocation(CertificateValidationContext context, string roots, string field)
    {
        string text = context.Crl is { } crl ? DataSources.ReadText(crl, field + ".crl") : "";
        try
        {
            RevocationLists lists = RevocationLists.FromPem(text + "\n" + roots);
            return lists.Count > 0 ? lists
                : context.Crl is null ? null
                : throw new ConfigRejectedException(field + ".crl", "it holds no revocation list");
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new ConfigRejectedException(field + ".crl", $"the revocation lists cannot be read: {FailureText.Of(e)}", e);
        }
    }

    private static SPIFFECertValidatorConfig? Spiffe(CertificateValidationContext context, string field)
    {
        if (context.CustomValidatorConfig is not { } custom)
        {
            return null;
        }

        string at = field + ".custom_validator_config";
        ExtensionConfig config = Config.ExtensionRegistry.Unwrap(custom.TypedConfig ?? new(), at);
        try
        {
            return config.MessageName == SpiffeValidator
                ? config.Parse(SPIFFECertValidatorConfig.Parser)
                : throw new ConfigRejectedException(at, $"certificate validator '{custom.Name}' is not one that Pilotfish has");
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException(at, e.Message, e);
        }
    }
}
