using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Testing;

namespace Pilotfish.ControlPlane.Tests.Xds;

/// <summary>Port 15012's certificate from files, and what it asks of clients.</summary>
public sealed class SecurePortTests : IDisposable
{
    private const string Name = "istiod.istio-system.svc";

    private readonly TestCertificates _authority = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("controlplane-").FullName;

    private readonly CancellationTokenSource _patience = new(Patience.Limit);

    private CancellationToken Stop => _patience.Token;

    [Theory]
    [InlineData("no certificate", true)]
    [InlineData("one of the authority", true)]
    [InlineData("one of another authority", false)]
    public async Task ClientCertificate_IsOptionalButMustChainToTheRoots(string shown, bool served)
    {
        WriteCertificate();
        await File.WriteAllTextAsync(PathOf("ca.crt"), _authority.RootPem, Stop);
        await using DiscoveryHost host = await StartAsync();
        Assert.Equal(served, await IsServedAsync(host, shown switch
        {
            "no certificate" => null,
            "one of the authority" => Client(_authority),
            _ => Client(new TestCertificates("another root")),
        }) is not null);
    }

    [Fact]
    public async Task RenewedFiles_ServeTheNextHandshake_AndBrokenOnesLeaveTheLastGood()
    {
        WriteCertificate();
        await File.WriteAllTextAsync(PathOf("ca.crt"), _authority.RootPem, Stop);
        await using DiscoveryHost host = await StartAsync();
        string? first = await IsServedAsync(host, null);
        Assert.Equal(first, await IsServedAsync(host, null));

        WriteCertificate();
        string? renewed = await IsServedAsync(host, null);
        Assert.NotEqual(first, renewed);

        await File.WriteAllTextAsync(PathOf("tls.crt"), "nothing", Stop);
        Assert.Equal(renewed, await IsServedAsync(host, null));
    }

    public void Dispose()
    {
        _patience.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static X509Certificate2 Client(TestCertificates authority)
    {
        (string chain, string key) = authority.DnsLeaf("client");
        using var pem = X509Certificate2.CreateFromPem(chain, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    private async Task<DiscoveryHost> StartAsync()
    {
        DiscoveryHost host = DiscoveryHost.Create(new DiscoveryOptions
        {
            ConfigDirectories = [_directory],
            GrpcAddress = "",
            SecureGrpcAddress = "127.0.0.1:0",
            HttpsAddress = "",
            HttpAddress = "",
            MonitoringAddress = "",
            TlsCertFile = PathOf("tls.crt"),
            TlsKeyFile = PathOf("tls.key"),
            CaCertFile = PathOf("ca.crt"),
        });
        await host.StartAsync(Stop);
        return host;
    }

    /// <summary>The thumbprint of the server's certificate when it speaks HTTP/2 with this client, else null.</summary>
    private async Task<string?> IsServedAsync(DiscoveryHost host, X509Certificate2? client)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", host.Addresses[0].Port, Stop);
        await using var tls = new SslStream(tcp.GetStream());
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(_authority.Roots);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = Name,
                    CertificateChainPolicy = policy,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    ClientCertificateContext = client is null ? null : SslStreamCertificateContext.Create(client, null, offline: true),
                },
                Stop);

            // In TLS 1.3 a refused client learns of it with its first read; a welcome one gets SETTINGS for its preface and its own.
            await tls.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), Stop);
            byte[] head = new byte[9];
            await tls.ReadExactlyAsync(head, Stop);
            const byte settings = 4;
            return head[3] == settings ? tls.RemoteCertificate!.GetCertHashString() : null;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return null;
        }
    }

    private void WriteCertificate()
    {
        (string chain, string key) = _authority.DnsLeaf(Name);
        File.WriteAllText(PathOf("tls.key"), key);
        File.WriteAllText(PathOf("tls.crt"), chain);
    }

    private string PathOf(string name) => Path.Combine(_directory, name);
}
