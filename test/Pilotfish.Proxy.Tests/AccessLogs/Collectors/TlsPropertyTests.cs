using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Envoy.Data.Accesslog.V3;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Xunit;
using AccessLogType = Pilotfish.Proxy.AccessLogs.AccessLogType;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

public sealed class TlsPropertyTests
{
    [Theory]
    [InlineData(SslProtocols.Tls13, TlsCipherSuite.TLS_AES_128_GCM_SHA256, TLSProperties.Types.TLSVersion.Tlsv13)]
    [InlineData(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLSProperties.Types.TLSVersion.Tlsv12)]
    public void Session_IsToldWithBothCertificates(SslProtocols protocol, TlsCipherSuite suite, TLSProperties.Types.TLSVersion version)
    {
        var authority = new TestCertificates("root");
        using X509Certificate2 local = Certificate(authority, "spiffe://cluster.local/ns/a/sa/server");
        using X509Certificate2 peer = Certificate(authority, "spiffe://cluster.local/ns/a/sa/client");
        StreamInfo info = StreamSample.Create();
        info.Connection.Tls = new TlsSessionFacts
        {
            Protocol = protocol, CipherSuite = suite.ToString(), ServerName = "s", ApplicationProtocol = null,
            LocalCertificate = local, PeerCertificate = peer, PeerCertificateValidated = true,
        };
        TLSProperties tls = Read(info);
        Assert.Equal((version, (uint)suite), (tls.TlsVersion, tls.TlsCipherSuite));
        Assert.Equal("outbound_.9080_._.reviews", tls.TlsSniHostname);
        Assert.Equal("spiffe://cluster.local/ns/a/sa/server", Assert.Single(tls.LocalCertificateProperties.SubjectAltName).Uri);
        Assert.Equal("spiffe://cluster.local/ns/a/sa/client", Assert.Single(tls.PeerCertificateProperties.SubjectAltName).Uri);
        Assert.Equal("CN=root", tls.PeerCertificateProperties.Issuer);
        Assert.Equal(tls, Read(info));
    }

    [Fact]
    public void ClientWithoutCertificate_HasEmptyPeerProperties()
    {
        using X509Certificate2 local = Certificate(new TestCertificates("root"), "spiffe://a/b");
        StreamInfo info = StreamSample.Create();
        info.Connection.RequestedServerName = null;
        info.Connection.Tls = new TlsSessionFacts
        {
            Protocol = SslProtocols.Tls13, CipherSuite = "unheard of", ServerName = null, ApplicationProtocol = null,
            LocalCertificate = local, PeerCertificate = null, PeerCertificateValidated = false,
        };
        TLSProperties tls = Read(info);
        Assert.Equal(new TLSProperties.Types.CertificateProperties(), tls.PeerCertificateProperties);
        Assert.Null(tls.TlsCipherSuite);
        Assert.Equal("", tls.TlsSniHostname);
    }

    private static TLSProperties Read(StreamInfo info) => LogEntrySample.Read(
        LogEntrySample.Http(), info, AccessLogType.DownstreamEnd, HTTPAccessLogEntry.Parser).CommonProperties.TlsProperties;

    private static X509Certificate2 Certificate(TestCertificates authority, string uri) =>
        X509Certificate2.CreateFromPem(authority.Leaf(uri).Chain);
}
