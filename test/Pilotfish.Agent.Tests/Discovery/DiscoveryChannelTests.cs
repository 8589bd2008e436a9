using Envoy.Config.Cluster.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Agent.Discovery;
using Pilotfish.Proxy.Xds;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Discovery;

public sealed class DiscoveryChannelTests : IDisposable
{
    private static readonly TestCertificates s_authority = new();

    private readonly string _directory = Directory.CreateTempSubdirectory("api-").FullName;

    [Fact]
    public void Call_CarriesTokenAndCluster_AndReadsTheTokenAnew()
    {
        DiscoveryChannel channel = Channel(Target() with { TokenFile = Path.Combine(_directory, "token"), ClusterId = "east" });

        Write("token", "one\n");
        ControlPlaneCall first = channel.Prepare();
        Write("token", "two");
        ControlPlaneCall second = channel.Prepare();

        Assert.Equal("Bearer one", Header(first, "authorization"));
        Assert.Equal("Bearer two", Header(second, "authorization"));
        Assert.Equal("east", Header(first, "clusterid"));
        Assert.Null(first.Failure);
    }

    [Theory]
    [InlineData(null, "is not there (yet)")]
    [InlineData("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "cannot be used")]
    public void UnusableRoot_EndsTheAttemptWithASentence(string? content, string sentence)
    {
        if (content is not null)
        {
            Write("root.pem", content);
        }

        ControlPlaneCall call = Channel(Target() with { RootFile = Path.Combine(_directory, "root.pem") }).Prepare();

        Assert.Contains(sentence, call.Failure, StringComparison.Ordinal);
        Assert.Null(call.Cluster);
    }

    [Fact]
    public void ReplacedRoot_IsTrustedByTheNextCall()
    {
        DiscoveryChannel channel = Channel(Target() with { RootFile = Path.Combine(_directory, "root.pem") });
        Write("root.pem", s_authority.RootPem);
        Assert.Equal(s_authority.RootPem, Context(channel.Prepare()).CommonTlsContext.ValidationContext.TrustedCa.InlineBytes.ToStringUtf8());
        string other = new TestCertificates("other").RootPem;

        Write("root.pem", other);

        Assert.Equal(other, Context(channel.Prepare()).CommonTlsContext.ValidationContext.TrustedCa.InlineBytes.ToStringUtf8());
    }

    [Fact]
    public void Name_IsTheOneToExpectAndToAskFor()
    {
        UpstreamTlsContext context = Context(Channel(Target()).Prepare());

        SubjectAltNameMatcher matcher = Assert.Single(context.CommonTlsContext.ValidationContext.MatchTypedSubjectAltNames);
        Assert.Equal((SubjectAltNameMatcher.Types.SanType.Dns, "istiod.example"), (matcher.SanType, matcher.Matcher.Exact));
        Assert.Equal(("istiod.example", "h2"), (context.Sni, Assert.Single(context.CommonTlsContext.AlpnProtocols)));
    }

    [Fact]
    public void Address_AsTheNameToExpect_IsAskedForByNoSni()
    {
        UpstreamTlsContext context = Context(Channel(Target() with { ServerName = "10.0.0.1" }).Prepare());

        SubjectAltNameMatcher matcher = Assert.Single(context.CommonTlsContext.ValidationContext.MatchTypedSubjectAltNames);
        Assert.Equal((SubjectAltNameMatcher.Types.SanType.IpAddress, "10.0.0.1"), (matcher.SanType, matcher.Matcher.Exact));
        Assert.Equal("", context.Sni);
    }

    [Fact]
    public void ProvisionedCertificate_IsShownOnceItIsThere()
    {
        DiscoveryChannel channel = Channel(Target() with { Certificate = (Path.Combine(_directory, "cert-chain.pem"), Path.Combine(_directory, "key.pem")) });
        Assert.Empty(Context(channel.Prepare()).CommonTlsContext.TlsCertificates);

        (string chain, string key) = s_authority.DnsLeaf("vm");
        Write("cert-chain.pem", chain);
        Write("key.pem", key);

        TlsCertificate certificate = Assert.Single(Context(channel.Prepare()).CommonTlsContext.TlsCertificates);
        Assert.Equal(
            (chain, key), (certificate.CertificateChain.InlineBytes.ToStringUtf8(), certificate.PrivateKey.InlineBytes.ToStringUtf8()));

        // After its end, and when it is none, the token must do.
        Write("cert-chain.pem", s_authority.DnsLeaf("vm", expired: true).Chain);
        Assert.Empty(Context(channel.Prepare()).CommonTlsContext.TlsCertificates);
        Write("cert-chain.pem", "nonsense");
        Assert.Empty(Context(channel.Prepare()).CommonTlsContext.TlsCertificates);
    }

    [Fact]
    public void Plaintext_TouchesNeitherRootNorToken()
    {
        ControlPlaneCall call = Channel(Target() with { IsTls = false, RootFile = "/nowhere", TokenFile = "/nowhere" }).Prepare();

        Assert.Null(call.Failure);
        Assert.Null(call.Cluster!.TransportSocket);
        Assert.DoesNotContain(call.Headers, header => header.Key == "authorization");
    }

    [Theory]
    [InlineData("istiod.istio-system.svc:15012", Cluster.Types.DiscoveryType.StrictDns, "istiod.istio-system.svc", 15012)]
    [InlineData("10.0.0.1:15012", Cluster.Types.DiscoveryType.Static, "10.0.0.1", 15012)]
    [InlineData("[fd00::1]:15010", Cluster.Types.DiscoveryType.Static, "fd00::1", 15010)]
    public void Cluster_KeepsItsNameAndIsDialledAtTheAddress(string address, object discovery, string host, int port)
    {
        Cluster cluster = Channel(Target() with { Address = address }).Prepare().Cluster!;

        Envoy.Config.Core.V3.SocketAddress socket = cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress;
        Assert.Equal(("xds-grpc", "xds-grpc;", (Cluster.Types.DiscoveryType)discovery), (cluster.Name, cluster.AltStatName, cluster.Type));
        Assert.Equal((host, (uint)port), (socket.Address, socket.PortValue));
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions options =
            HttpProtocolOptions.Parser.ParseFrom(Assert.Single(cluster.TypedExtensionProtocolOptions).Value.Value);
        Assert.Equal(30, options.ExplicitHttpConfig.Http2ProtocolOptions.ConnectionKeepalive.Interval.Seconds);
    }

    [Theory]
    [InlineData("X509_verify_cert: certificate verification error at depth 1: self signed certificate in certificate chain", "does not chain to a root in '/root.pem'")]
    [InlineData("X509_verify_cert: certificate verification error at depth 0: certificate has expired", "set this machine's clock right")]
    [InlineData("SAN matcher, certificate SANs are [DNS:a.svc, DNS:b.svc]", "is for 'DNS:a.svc', 'DNS:b.svc', not for 'istiod.example'")]
    [InlineData("SAN matcher, certificate SANs are []", "is for no name, not for 'istiod.example'")]
    public void RefusedCertificate_IsToldWithTheWayOut(string reason, string advice)
    {
        DiscoveryChannel channel = Channel(Target() with { RootFile = "/root.pem" });

        Assert.Contains(
            advice,
            channel.Advice($"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: {reason}:TLS_error_end"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void OtherFailures_NeedNoAdvice() => Assert.Null(Channel(Target()).Advice("Connection refused"));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static DiscoveryTarget Target() => new()
    {
        Address = "istiod.example:15012",
        IsTls = true,
        ServerName = "istiod.example",
        RootFile = "SYSTEM",
        TokenFile = "/nowhere",
    };

    private static DiscoveryChannel Channel(DiscoveryTarget target) => new(
        target, new Cluster { Name = "xds-grpc", AltStatName = "xds-grpc;" }, () => DateTimeOffset.UtcNow);

    private static UpstreamTlsContext Context(ControlPlaneCall call) =>
        UpstreamTlsContext.Parser.ParseFrom(call.Cluster!.TransportSocket.TypedConfig.Value);

    private static string? Header(ControlPlaneCall call, string name) => call.Headers.Single(header => header.Key == name).Value;

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory, name), text);
}
