using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CsCheck;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Names;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

public sealed class CertificateKeyTests
{
    private static readonly SpiffeId s_identity = new("Cluster.Local", "name-space", "account");

    [Theory]
    [InlineData(KeyKind.Rsa, false, "RSA PRIVATE KEY", "1.2.840.113549.1.1.11")]
    [InlineData(KeyKind.Rsa, true, "PRIVATE KEY", "1.2.840.113549.1.1.11")]
    [InlineData(KeyKind.EcdsaP256, false, "EC PRIVATE KEY", "1.2.840.10045.4.3.2")]
    [InlineData(KeyKind.EcdsaP256, true, "PRIVATE KEY", "1.2.840.10045.4.3.2")]
    [InlineData(KeyKind.EcdsaP384, false, "EC PRIVATE KEY", "1.2.840.10045.4.3.3")]
    [InlineData(KeyKind.EcdsaP384, true, "PRIVATE KEY", "1.2.840.10045.4.3.3")]
    public void Key_HasTheFormAsked_AndItsRequestIsSignedByIt(object kind, bool isPkcs8, string label, string signature)
    {
        CertificateKey key = CertificateKey.Make(new KeyOptions { Kind = (KeyKind)kind, IsPkcs8 = isPkcs8 }, s_identity);

        string pem = System.Text.Encoding.ASCII.GetString(key.Pem);
        Assert.StartsWith($"-----BEGIN {label}-----\n", pem, StringComparison.Ordinal);
        Assert.Contains(signature, Oids(key.SigningRequest));
        string chain = new TestCertificates().Sign(key.SigningRequest, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1));
        using X509Certificate2 pair = X509Certificate2.CreateFromPem(chain, pem);
        Assert.True(pair.HasPrivateKey && key.Fits(pair));
    }

    [Fact]
    public void Request_NamesTheIdentityAlone_LetterByLetter()
    {
        CertificateRequest request = CertificateRequest.LoadSigningRequestPem(
            CertificateKey.Make(new KeyOptions { Kind = KeyKind.EcdsaP256 }, s_identity).SigningRequest,
            HashAlgorithmName.SHA256,
            CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);

        Assert.Equal("", request.SubjectName.Name);
        X509Extension names = Assert.Single(request.CertificateExtensions);
        Assert.Equal(("2.5.29.17", true), (names.Oid!.Value, names.Critical));
        Assert.Contains("spiffe://Cluster.Local/ns/name-space/sa/account", System.Text.Encoding.ASCII.GetString(names.RawData), StringComparison.Ordinal);
    }

    [Fact]
    public void AnyIdentityInAscii_ComesBackFromTheCertificate()
    {
        var authority = new TestCertificates();
        Gen<string> name = Gen.String[Gen.Char['!', '~'], 0, 80];
        Gen.Select(name, name, name).Sample(
            (domain, space, account) =>
            {
                var identity = new SpiffeId(domain, space, account);
                CertificateKey key = CertificateKey.Make(new KeyOptions { Kind = KeyKind.EcdsaP256 }, identity);
                using X509Certificate2 leaf = X509Certificate2.CreateFromPem(
                    authority.Sign(key.SigningRequest, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1)));
                Assert.Equal([identity.ToString()], CertificateUris.Of(leaf));
            },
            iter: 100);
    }

    [Fact]
    public void Keys_AreNeverTheSame()
    {
        var options = new KeyOptions { Kind = KeyKind.EcdsaP256 };
        Assert.NotEqual(CertificateKey.Make(options, s_identity).Pem, CertificateKey.Make(options, s_identity).Pem);
    }

    // Where its encoding stands in the request.
    private static IEnumerable<string> Oids(string pem)
    {
        byte[] der = Convert.FromBase64String(string.Concat(pem.Split('\n').Where(line => !line.StartsWith('-'))));
        for (int i = 0; i + 2 < der.Length; i++)
        {
            if (der[i] == 6 && der[i + 1] < 0x20 && i + 2 + der[i + 1] <= der.Length)
            {
                System.Formats.Asn1.AsnReader reader = new(der.AsMemory(i, 2 + der[i + 1]), System.Formats.Asn1.AsnEncodingRules.DER);
                string? oid = null;
                try
                {
                    oid = reader.ReadObjectIdentifier();
                }
                catch (System.Formats.Asn1.AsnContentException)
                {
                    // Bytes of another value.
                }

                if (oid is not null)
                {
                    yield return oid;
                }
            }
        }
    }
}
