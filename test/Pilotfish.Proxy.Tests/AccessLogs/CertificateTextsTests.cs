using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Proxy.AccessLogs;

namespace Pilotfish.Proxy.Tests.AccessLogs;

public sealed class CertificateTextsTests
{
    [Theory]
    [InlineData(CertificateTexts.OtherNameTag, "user@example.com")]
    [InlineData(CertificateTexts.EmailTag, "mail@example.com")]
    [InlineData(CertificateTexts.DnsTag, "a.example,b.example")]
    [InlineData(CertificateTexts.UriTag, "spiffe://cluster.local/ns/a/sa/b")]
    [InlineData(CertificateTexts.IpTag, "10.1.2.3")]
    public void AlternativeNames_OfOneKind_AreJoined(int tag, string expected)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddUserPrincipalName("user@example.com");
        names.AddEmailAddress("mail@example.com");
        names.AddDnsName("a.example");
        names.AddDnsName("b.example");
        names.AddUri(new Uri("spiffe://cluster.local/ns/a/sa/b"));
        names.AddIpAddress(IPAddress.Parse("10.1.2.3"));
        using X509Certificate2 certificate = Certificate(names.Build());

        Assert.Equal(expected, CertificateTexts.AlternativeNames(certificate, tag));
    }

    [Theory]
    [InlineData(UniversalTagNumber.Integer, "42")]
    [InlineData(UniversalTagNumber.Boolean, "true")]
    [InlineData(UniversalTagNumber.Null, null)]
    public void OtherName_ThatIsNoText_PrintsWhatHasOne(UniversalTagNumber kind, string? expected)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, CertificateTexts.OtherNameTag)))
        {
            writer.WriteObjectIdentifier("1.2.3.4");
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                switch (kind)
                {
                    case UniversalTagNumber.Integer: writer.WriteInteger(42); break;
                    case UniversalTagNumber.Boolean: writer.WriteBoolean(true); break;
                    default: writer.WriteNull(); break;
                }
            }
        }

        using X509Certificate2 certificate = Certificate(new X509Extension("2.5.29.17", writer.Encode(), critical: false));

        Assert.Equal(expected, CertificateTexts.AlternativeNames(certificate, CertificateTexts.OtherNameTag));
    }

    private static X509Certificate2 Certificate(X509Extension names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
