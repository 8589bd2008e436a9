using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>What either engine demands or tells beyond the handshake itself.</summary>
public abstract class SessionPolicyTests(TlsEngine engine) : TlsEngineTests(engine)
{
    private static readonly TestCertificates s_mesh = new();

    [Theory]
    [InlineData(X509KeyUsageFlags.KeyEncipherment, SslProtocols.Tls13, true)]
    [InlineData(X509KeyUsageFlags.KeyEncipherment, SslProtocols.Tls12, true)]
    [InlineData(X509KeyUsageFlags.DigitalSignature, SslProtocols.Tls12, false)]
    [InlineData(X509KeyUsageFlags.None, SslProtocols.Tls13, false)]
    public void KeyUsage_OfAnRsaServer_IsToldOrEnforced(X509KeyUsageFlags usage, SslProtocols protocol, bool isInvalid) => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = s_mesh.CustomLeaf(
            request =>
            {
                if (usage != X509KeyUsageFlags.None)
                {
                    request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
                }
            },
            rsaBits: 2048);
        var choice = new TlsServerChoice { Certificate = TlsCertificates.FromPem(chain, key), Protocols = protocol };
        TlsHandshake lax = await ShakeHands(loop, choice, new TlsClientOptions());
        Assert.Equal(isInvalid, lax.Stream!.Tls.IsKeyUsageInvalid);
        lax.Stream.Close();
        TlsHandshake strict = await ShakeHands(loop, choice, new TlsClientOptions { EnforceRsaKeyUsage = true, AllowResumption = false });
        Assert.Equal(isInvalid, strict.Stream is null);
        if (isInvalid)
        {
            Assert.Equal("TLS_error:|268435758:SSL routines:OPENSSL_internal:KEY_USAGE_BIT_INCORRECT:TLS_error_end", strict.Failure);
            Assert.Equal(TlsFailureKind.Protocol, strict.Kind);
        }

        strict.Stream?.Close();
    });

    [Fact]
    public void KeyUsage_OfAnEcServer_IsNotAsked()
    {
        (string chain, _) = s_mesh.CustomLeaf(
            static request => request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyAgreement, critical: true)));
        Assert.True(RsaKeyUsage.Allows(X509Certificate2.CreateFromPem(chain), SslProtocols.Tls12, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    }

    [Theory]
    [InlineData(X509KeyUsageFlags.KeyEncipherment, true)]
    [InlineData(X509KeyUsageFlags.DigitalSignature, false)]
    public void KeyUsage_WithoutForwardSecrecy_IsThatOfEncryption(X509KeyUsageFlags usage, bool allows)
    {
        (string chain, _) = s_mesh.CustomLeaf(request => request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true)), rsaBits: 2048);
        Assert.Equal(allows, RsaKeyUsage.Allows(X509Certificate2.CreateFromPem(chain), SslProtocols.Tls12, "TLS_RSA_WITH_AES_128_GCM_SHA256"));
    }

    [Fact]
    public void Hello_Refused_SaysTheChoosersReason() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = Accept(b, static hello =>
        {
            hello.Refusal = new TlsHelloRefusal(TlsHelloRefusal.UnrecognizedName, "nobody here has that name");
            return null;
        });
        TlsHandshake client = await Connect(a, new TlsClientOptions { ServerName = "x.example" });
        TlsHandshake server = await accepting;
        Assert.Equal("nobody here has that name", server.Failure);
        Assert.Equal(TlsFailureKind.Protocol, server.Kind);
        Assert.Null(client.Stream);
    });

    /// <summary>ACCEPT_UNTRUSTED lets the peer in; what was wrong is told all the same, for Envoy's counters.</summary>
    [Fact]
    public void Untrusted_Accepted_TellsWhatWasWrong() => LoopRunner.Run(async loop =>
    {
        var choice = new TlsServerChoice { Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server") };
        var options = new TlsClientOptions
        {
            ServerVerification = new TlsPeerVerification { Roots = new TestCertificates("other").Roots, AcceptUntrusted = true },
        };
        TlsHandshake client = await ShakeHands(loop, choice, options);
        Assert.Equal(TlsFailureKind.Chain, client.Stream!.Tls.Waived);
        Assert.False(client.Stream.Tls.PeerCertificateValidated);
        client.Stream.Close();
    });

    private async Task<TlsHandshake> ShakeHands(EventLoop loop, TlsServerChoice choice, TlsClientOptions options)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
        TlsHandshake client = await Connect(a, options);
        (await accepting).Stream?.Close();
        return client;
    }
}

public sealed class LibsslSessionPolicyTests() : SessionPolicyTests(TlsEngine.Libssl);

public sealed class SslStreamSessionPolicyTests() : SessionPolicyTests(TlsEngine.SslStream);
