using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>A root and leaves made for the test run.</summary>
internal sealed class TestCertificates
{
    private readonly X509Certificate2 _root;

    public TestCertificates(string name = "test root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(10));
    }

    public string RootPem => _root.ExportCertificatePem();

    public X509Certificate2Collection Roots => TlsCertificates.RootsFromPem(RootPem);

    public (string Chain, string Key) Leaf(string uri, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(uri));
        request.CertificateExtensions.Add(names.Build());
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        DateTimeOffset until = expired ? DateTimeOffset.UtcNow.AddHours(-1) : DateTimeOffset.UtcNow.AddDays(1);
        using X509Certificate2 leaf = request.Create(_root, DateTimeOffset.UtcNow.AddHours(-20), until, serial);
        return (leaf.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public SslStreamCertificateContext Identity(string uri, bool expired = false)
    {
        (string chain, string key) = Leaf(uri, expired);
        return TlsCertificates.FromPem(chain, key);
    }
}
