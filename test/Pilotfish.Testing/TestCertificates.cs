using System.Net.Security;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Testing;

/// <summary>A root and leaves made for the test run.</summary>
public sealed class TestCertificates
{
    private readonly X509Certificate2 _root;

    public TestCertificates(string name = "test root")
        : this(name, null)
    {
    }

    private TestCertificates(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        DateTimeOffset until = DateTimeOffset.UtcNow.AddDays(9);
        _root = issuer is null
            ? request.CreateSelfSigned(from, until.AddDays(1))
            : request.Create(issuer, from, until, RandomNumberGenerator.GetBytes(8)).CopyWithPrivateKey(key);
    }

    public string RootPem => _root.ExportCertificatePem();

    public X509Certificate2Collection Roots => TlsCertificates.RootsFromPem(RootPem);

    public TestCertificates Intermediate(string name) => new(name, _root);

    public (string Chain, string Key) Leaf(string uri, bool expired = false) =>
        Leaf(names => names.AddUri(new Uri(uri)), expired);

    /// <summary>A leaf whose names are DNS names; with an RSA key when asked for.</summary>
    public (string Chain, string Key) DnsLeaf(string name, bool rsa = false, bool expired = false) =>
        Leaf(names => names.AddDnsName(name), expired, rsa);

    public SslStreamCertificateContext Identity(string uri, bool expired = false)
    {
        (string chain, string key) = Leaf(uri, expired);
        return TlsCertificates.FromPem(chain, key);
    }

    /// <summary>A leaf that shows this issuer's certificate behind its own.</summary>
    public SslStreamCertificateContext IdentityWithIssuer(string uri)
    {
        (string chain, string key) = Leaf(uri);
        return TlsCertificates.FromPem(chain + "\n" + RootPem, key);
    }

    /// <summary>A revocation list of this issuer.</summary>
    public string Crl(DateTimeOffset? nextUpdate = null, params X509Certificate2[] revoked)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (X509Certificate2 certificate in revoked)
        {
            builder.AddEntry(certificate);
        }

        DateTimeOffset next = nextUpdate ?? DateTimeOffset.UtcNow.AddDays(1);
        byte[] der = builder.Build(_root, BigInteger.One, next, HashAlgorithmName.SHA256, thisUpdate: next.AddDays(-2));
        return PemEncoding.WriteString("X509 CRL", der);
    }

    /// <summary>
    /// Signs a certificate request as an authority does, after a check of the request's own signature: the certificate alone, in PEM.
    /// </summary>
    /// <param name="signingRequest">PEM.</param>
    /// <param name="from">The certificate's life begins.</param>
    /// <param name="until">The certificate's life ends.</param>
    /// <param name="uri">The identity; null = as the request has it.</param>
    public string Sign(string signingRequest, DateTimeOffset from, DateTimeOffset until, string? uri = null)
    {
        CertificateRequest asked = CertificateRequest.LoadSigningRequestPem(
            signingRequest, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
        var request = new CertificateRequest(asked.SubjectName, asked.PublicKey, HashAlgorithmName.SHA256);
        if (uri is null)
        {
            request.CertificateExtensions.Add(asked.CertificateExtensions.Single(extension => extension.Oid?.Value == "2.5.29.17"));
        }
        else
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(uri));
            request.CertificateExtensions.Add(names.Build(critical: true));
        }

        using ECDsa issuerKey = _root.GetECDsaPrivateKey()!;
        using X509Certificate2 leaf = request.Create(
            _root.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), from, until, RandomNumberGenerator.GetBytes(8));
        return leaf.ExportCertificatePem();
    }

    /// <summary>A leaf with the extensions that a test adds; its key is EC on the curve, or RSA with that many bits.</summary>
    public (string Chain, string Key) CustomLeaf(Action<CertificateRequest> edit, ECCurve? curve = null, int rsaBits = 0, bool expired = false)
    {
        using var ecdsa = ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);
        using var rsaKey = rsaBits > 0 ? RSA.Create(rsaBits) : null;
        CertificateRequest request = rsaKey is null
            ? new CertificateRequest("CN=leaf", ecdsa, HashAlgorithmName.SHA256)
            : new CertificateRequest("CN=leaf", rsaKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        edit(request);
        DateTimeOffset until = expired ? DateTimeOffset.UtcNow.AddHours(-1) : DateTimeOffset.UtcNow.AddDays(1);
        using ECDsa issuerKey = _root.GetECDsaPrivateKey()!;
        using X509Certificate2 leaf = request.Create(
            _root.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), DateTimeOffset.UtcNow.AddHours(-20), until,
            RandomNumberGenerator.GetBytes(8));
        return (leaf.ExportCertificatePem(), rsaKey?.ExportPkcs8PrivateKeyPem() ?? ecdsa.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>This issuer's key, for tools that sign.</summary>
    public string RootKeyPem()
    {
        using ECDsa key = _root.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    private (string Chain, string Key) Leaf(Action<SubjectAlternativeNameBuilder> addNames, bool expired = false, bool rsa = false)
    {
        var names = new SubjectAlternativeNameBuilder();
        addNames(names);
        return CustomLeaf(request => request.CertificateExtensions.Add(names.Build()), rsaBits: rsa ? 2048 : 0, expired: expired);
    }
}
