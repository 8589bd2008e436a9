using System.Diagnostics;
using System.Formats.Asn1;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>Certificates whose owner wrote what he liked into them: neither logs nor headers nor the process may suffer.</summary>
public sealed class HostileCertificateTests
{
    private const string CommonName = "2.5.4.3";
    private const string Unit = "2.5.4.11";

    /// <summary>Sets of (kind, value), and what OpenSSL prints of them with -nameopt RFC2253.</summary>
    public static TheoryData<string, (string Oid, string Value)[][], string> Names => new()
    {
        { "plain", [[("2.5.4.10", "acme")], [(CommonName, "a b")]], "CN=a b,O=acme" },
        { "two of one set", [[(CommonName, "a"), (Unit, "b")]], "OU=b+CN=a" },
        { "separators", [[(CommonName, "a,b+c\"d\\e<f>g;h=i/j")]], "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i/j" },
        { "blanks and hash", [[(CommonName, " a ")], [(Unit, "#b# ")]], "OU=\\#b#\\ ,CN=\\ a\\ " },
        { "line ends", [[(CommonName, "a\r\nx-admin: 1\0\u007F")]], "CN=a\\0D\\0Ax-admin: 1\\00\\7F" },
        { "beyond ASCII", [[(CommonName, "é€")]], "CN=\\C3\\A9\\E2\\82\\AC" },
        { "other kinds", [[("2.5.4.8", "Berlin")], [("2.5.4.9", "s")], [("1.2.840.113549.1.9.1", "a@b")]], "emailAddress=a@b,street=s,ST=Berlin" },
        { "unknown kind", [[("1.2.3.4.5", "ab")]], "1.2.3.4.5=#0C026162" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Subject_IsWhatOpenSslPrints(string label, (string Oid, string Value)[][] sets, string expected)
    {
        using X509Certificate2 certificate = Certificate(Name(sets));
        Assert.Equal((label, expected), (label, CertificateTexts.Subject(certificate)));

        Prerequisite.Program("openssl");
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
            using Process openssl = Process.Start(new ProcessStartInfo("openssl", ["x509", "-in", file, "-noout", "-subject", "-nameopt", "RFC2253"])
            {
                RedirectStandardOutput = true,
            })!;
            Assert.Equal("subject=" + expected + "\n", await openssl.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
            await openssl.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Name_ThatIsNone_IsMissing()
    {
        Assert.Null(DistinguishedNameText.Of(new byte[] { 0x30, 0 }));
        Assert.Null(DistinguishedNameText.Of(new byte[] { 0x30, 5, 1 }));
        byte[] good = Name([[(CommonName, "a"), (Unit, "b")]]).RawData;
        for (int i = 0; i < good.Length; i++)
        {
            for (int value = 0; value < 256; value++)
            {
                byte[] changed = [.. good];
                changed[i] = (byte)value;
                string? text = DistinguishedNameText.Of(changed);
                Assert.True(text is null || text.All(static c => c is >= ' ' and < (char)0x7F), $"{i} {value}: {text}");
            }
        }
    }

    [Fact]
    public void ForwardedCertificate_ForgesNoHeaderAndNoElement() => LoopRunner.Run(async loop =>
    {
        using X509Certificate2 client = Certificate(
            Name([[(CommonName, "a\r\nx-admin: 1\r\n\r\n"), (Unit, "b")]]),
            (6, "spiffe://a\r\nx-admin: 2"), (6, "spiffe://b;URI=spiffe://admin"), (6, "spiffe://c,By=spiffe://admin"), (2, "a.example\0.evil"));
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm =>
        {
            hcm.ForwardClientCertDetails = HttpConnectionManager.Types.ForwardClientCertDetails.SanitizeSet;
            hcm.SetCurrentClientCertDetails = new() { Subject = true, Uri = true, Dns = true };
        });
        TestClient peer = bench.Connect(new TlsSessionFacts
        {
            Protocol = SslProtocols.Tls13,
            CipherSuite = "TLS_AES_128_GCM_SHA256",
            ServerName = null,
            ApplicationProtocol = null,
            PeerCertificate = client,
            LocalCertificate = null,
            PeerCertificateValidated = true,
        });
        await peer.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();

        Assert.DoesNotContain("\nx-admin", head, StringComparison.Ordinal);
        Assert.Contains(
            ";Subject=\"OU=b+CN=a\\0D\\0Ax-admin: 1\\0D\\0A\\0D\\0A\";URI=spiffe://a%0D%0Ax-admin: 2;URI=\"spiffe://b;URI=spiffe://admin\""
            + ";URI=\"spiffe://c,By=spiffe://admin\";DNS=a.example%00.evil\r\n",
            head, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("a\r\nb.example", "a__b.example")]
    [InlineData("\"-\" 200 forged\n", "_-__200_forged_")]
    public void ServerName_OfAnyBytes_ForgesNoLogLine(string name, string printed)
    {
        var info = new StreamInfo();
        var connection = new ConnectionInfo { RequestedServerName = name };
        info.Start(connection, DateTimeOffset.UnixEpoch, 0);
        var source = new FormatSource(info, AccessLogType.NotSet);
        var output = new FormatOutput();
        FormatProgram.Compile("%REQUESTED_SERVER_NAME%", "f").Append(output, in source);
        Assert.Equal(printed, System.Text.Encoding.UTF8.GetString(output.Written));
    }

    private static X500DistinguishedName Name((string Oid, string Value)[][] sets)
    {
        var writer = new AsnWriter(AsnEncodingRules.BER);
        using (writer.PushSequence())
        {
            foreach ((string Oid, string Value)[] set in sets)
            {
                using (writer.PushSetOf())
                {
                    foreach ((string oid, string value) in set)
                    {
                        using (writer.PushSequence())
                        {
                            writer.WriteObjectIdentifier(oid);
                            writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
                        }
                    }
                }
            }
        }

        return new X500DistinguishedName(writer.Encode());
    }

    private static X509Certificate2 Certificate(X500DistinguishedName subject, params (int Tag, string Name)[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (names.Length > 0)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                foreach ((int tag, string name) in names)
                {
                    writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, tag));
                }
            }

            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", writer.Encode(), critical: false));
        }

        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
