using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>A new key of the workload, and the request to sign a certificate for it (PKCS #10, RFC 2986). Immutable; any thread.</summary>
internal sealed class CertificateKey
{
    private const string SubjectAltNameOid = "2.5.29.17";
    private const int UriTag = 6;

    private readonly byte[] _publicKey;

    private CertificateKey(byte[] pem, byte[] publicKey, string signingRequest)
    {
        Pem = pem;
        _publicKey = publicKey;
        SigningRequest = signingRequest;
    }

    /// <summary>The private key. Never to be logged.</summary>
    public byte[] Pem { get; }

    /// <summary>PEM, as authorities take it.</summary>
    public string SigningRequest { get; }

    /// <summary>Makes a key: tens of microseconds for ECDSA, a tenth of a second and more for RSA. Any thread.</summary>
    /// <exception cref="CryptographicException">The library has no such key.</exception>
    public static CertificateKey Make(KeyOptions options, SpiffeId identity)
    {
        if (options.Kind == KeyKind.Rsa)
        {
            using RSA rsa = RSA.Create(options.RsaBits);
            var rsaRequest = new CertificateRequest(new X500DistinguishedName(""), rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            return new CertificateKey(
                options.IsPkcs8 ? Pkcs8(rsa) : Encode("RSA PRIVATE KEY"u8, rsa.ExportRSAPrivateKey()), rsa.ExportSubjectPublicKeyInfo(), Sign(rsaRequest, identity));
        }

        bool isLong = options.Kind == KeyKind.EcdsaP384;
        using ECDsa ecdsa = ECDsa.Create(isLong ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(""), ecdsa, isLong ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256);
        return new CertificateKey(
            options.IsPkcs8 ? Pkcs8(ecdsa) : Encode("EC PRIVATE KEY"u8, ecdsa.ExportECPrivateKey()), ecdsa.ExportSubjectPublicKeyInfo(), Sign(request, identity));
    }

    /// <summary>Whether a certificate was made for this key.</summary>
    public bool Fits(X509Certificate2 certificate) => certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(_publicKey);

    private static byte[] Pkcs8(AsymmetricAlgorithm key) => Encode("PRIVATE KEY"u8, key.ExportPkcs8PrivateKey());

    private static byte[] Encode(ReadOnlySpan<byte> label, byte[] der)
    {
        byte[] pem = PemEncoding.WriteUtf8(label, der);
        CryptographicOperations.ZeroMemory(der);
        return pem;
    }

    private static string Sign(CertificateRequest request, SpiffeId identity)
    {
        // The subject is empty, so the name in the extension is all there is: critical (RFC 5280 section 4.2.1.6, SPIFFE X509-SVID section 2).
        // Written by hand, because a Uri would change the case of the trust domain.
        var name = new AsnWriter(AsnEncodingRules.DER);
        using (name.PushSequence())
        {
            name.WriteCharacterString(UniversalTagNumber.IA5String, identity.ToString(), new Asn1Tag(TagClass.ContextSpecific, UriTag));
        }

        request.CertificateExtensions.Add(new X509Extension(SubjectAltNameOid, name.Encode(), critical: true));
        return request.CreateSigningRequestPem();
    }
}
