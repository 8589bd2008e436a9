using System.Security.Cryptography;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Reads a TlsCertificate message: inline, from files, or a PKCS #12 bundle. Main loop.</summary>
internal static class CertificateReader
{
    /// <summary>What can be judged without reading a file.</summary>
    public static void CheckFields(TlsCertificate certificate, string field)
    {
        if (certificate.PrivateKeyProvider is not null)
        {
            throw new ConfigRejectedException(field + ".private_key_provider", "private key providers are not supported");
        }

        if (certificate.OcspStaple is not null)
        {
            throw new ConfigRejectedException(field + ".ocsp_staple", "OCSP stapling is not available in Pilotfish");
        }

        if (certificate.Pkcs12 is null && (certificate.CertificateChain is null || certificate.PrivateKey is null))
        {
            throw new ConfigRejectedException(field, "a certificate needs certificate_chain and private_key");
        }
    }

    /// <summary>Throws <see cref="ConfigRejectedException"/> when file, certificate or key cannot be used.</summary>
    public static TlsIdentity Read(TlsCertificate certificate, string field)
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
            throw new ConfigRejectedException(field, $"the certificate and key cannot be used: {FailureText.Of(e)}", e);
        }
    }
}
