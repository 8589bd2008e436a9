using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Reads a TlsCertificate message: inline, from files, or a PKCS #12 bundle. Main loop.</summary>
internal static class CertificateReader
{
    /// <summary>Shorter RSA keys are refused, as Envoy does: they can be factored.</summary>
    private const int RsaKeyBitsMin = 2048;

    /// <summary>The sources that may be files.</summary>
    public static DataSource?[] Sources(TlsCertificate certificate) =>
        [certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12, certificate.OcspStaple];

    /// <summary>What can be judged without reading a file.</summary>
    public static void CheckFields(TlsCertificate certificate, string field)
    {
        if (certificate.PrivateKeyProvider is not null)
        {
            throw new ConfigRejectedException(field + ".private_key_provider", "private key providers are not supported");
        }

        if (certificate.OcspStaple is { SpecifierCase: DataSource.SpecifierOneofCase.InlineString })
        {
            throw new ConfigRejectedException(field + ".ocsp_staple", "an OCSP response is DER: give it by filename or inline_bytes");
        }

        if (certificate.WatchedDirectory is { Path.Length: 0 })
        {
            throw new ConfigRejectedException(field + ".watched_directory.path", "it is empty");
        }

        if (certificate.Pkcs12 is not null && (certificate.CertificateChain is not null || certificate.PrivateKey is not null))
        {
            throw new ConfigRejectedException(field + ".pkcs12", "certificate_chain and private_key cannot stand beside it");
        }

        if (certificate.Pkcs12 is null && (certificate.CertificateChain is null || certificate.PrivateKey is null))
        {
            throw new ConfigRejectedException(field, "a certificate needs certificate_chain and private_key");
        }
    }

    /// <summary>Throws <see cref="ConfigRejectedException"/> when file, certificate or key cannot be used.</summary>
    /// <param name="certificate">The message, whose fields were checked.</param>
    /// <param name="field">Where it stands, for messages.</param>
    /// <param name="demandsStaple">Whether the policy demands an OCSP response; a certificate that promises one demands it too.</param>
    public static TlsIdentity Read(TlsCertificate certificate, string field, bool demandsStaple = false)
    {
        SslStreamCertificateContext context = ReadContext(certificate, field);
        using (RSA? rsa = context.TargetCertificate.GetRSAPublicKey())
        {
            if (rsa?.KeySize < RsaKeyBitsMin)
            {
                throw new ConfigRejectedException(
                    field, $"its RSA key has {rsa.KeySize} bits; only RSA certificates with {RsaKeyBitsMin}-bit or larger keys are supported");
            }
        }

        // SslStream has no way to staple what it did not fetch itself.
        var identity = new TlsIdentity(context, TlsEngines.HeedsParameters ? ReadStaple(certificate, context, field) : null);
        return identity.Staple is null && TlsEngines.HeedsParameters && (identity.MustStaple || demandsStaple)
            ? throw new ConfigRejectedException(field + ".ocsp_staple", demandsStaple
                ? "ocsp_staple_policy demands an OCSP response, which is missing"
                : "the certificate promises an OCSP response (must-staple), which is missing")
            : identity;
    }

    private static SslStreamCertificateContext ReadContext(TlsCertificate certificate, string field)
    {
        string? password = certificate.Password is { } secret ? DataSources.ReadText(secret, field + ".password") : null;
        try
        {
            if (certificate.Pkcs12 is { } bundle)
            {
                return TlsCertificates.FromPkcs12(DataSources.ReadBytes(bundle, field + ".pkcs12"), password);
            }

            string chain = DataSources.ReadText(certificate.CertificateChain, field + ".certificate_chain");
            string key = DataSources.ReadText(certificate.PrivateKey, field + ".private_key");
            return TlsCertificates.FromPem(chain, key, password);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ConfigRejectedException(field, $"the certificate and key cannot be used: {FailureText.Of(e)}", e);
        }
    }

    private static OcspStaple? ReadStaple(TlsCertificate certificate, SslStreamCertificateContext context, string field)
    {
        if (certificate.OcspStaple is not { } source)
        {
            return null;
        }

        string at = field + ".ocsp_staple";
        try
        {
            var staple = OcspStaple.Parse(DataSources.ReadBytes(source, at));
            return staple.IsOf(context.TargetCertificate)
                ? staple
                : throw new ConfigRejectedException(at, "the OCSP response does not match its TLS certificate");
        }
        catch (CryptographicException e)
        {
            throw new ConfigRejectedException(at, FailureText.Of(e), e);
        }
    }
}
