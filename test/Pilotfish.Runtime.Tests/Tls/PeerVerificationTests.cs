using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>Which client certificates a server takes, and what it says of the others.</summary>
public abstract class PeerVerificationTests(TlsEngine engine) : TlsEngineTests(engine)
{
    private const string ClientUri = "spiffe://cluster.local/ns/a/sa/client";

    private static readonly TestCertificates s_mesh = new();
    private static readonly TestCertificates s_other = new("other root");

    [Fact]
    public void Anchors_TwoRoots_TakeClientsOfEither()
    {
        X509Certificate2Collection both = s_mesh.Roots;
        both.AddRange(s_other.Roots);
        var verification = new TlsPeerVerification { Roots = both };
        Assert.Null(FailureOf(verification, s_mesh.Identity(ClientUri)));
        Assert.Null(FailureOf(verification, s_other.Identity(ClientUri)));
    }

    [Fact]
    public void Anchors_OnlyTheIntermediate_EndsThePath()
    {
        TestCertificates intermediate = s_mesh.Intermediate("issuing");
        Assert.Null(FailureOf(new TlsPeerVerification { Roots = intermediate.Roots }, intermediate.IdentityWithIssuer(ClientUri)));
        Assert.Null(FailureOf(new TlsPeerVerification { Roots = intermediate.Roots }, intermediate.Identity(ClientUri)));
    }

    [Fact]
    public void Depth_OneIntermediateAndNoneAllowed_IsTooLong()
    {
        SslStreamCertificateContext client = s_mesh.Intermediate("issuing").IdentityWithIssuer(ClientUri);
        Assert.Null(FailureOf(new TlsPeerVerification { Roots = s_mesh.Roots, DepthMax = 1 }, client));
        Assert.Contains(
            "at depth 1: certificate chain too long", FailureOf(new TlsPeerVerification { Roots = s_mesh.Roots, DepthMax = 0 }, client),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Revocation_ListedLeaf_IsRefusedAndOthersPass()
    {
        SslStreamCertificateContext good = s_mesh.Identity(ClientUri);
        SslStreamCertificateContext bad = s_mesh.Identity(ClientUri);
        TlsPeerVerification verification = Revoking(s_mesh.Crl(null, bad.TargetCertificate));
        Assert.Null(FailureOf(verification, good));
        Assert.Contains("at depth 0: certificate revoked", FailureOf(verification, bad), StringComparison.Ordinal);
    }

    [Fact]
    public void Revocation_NoListOfTheIssuer_FailsTheChain() => Assert.Contains(
        "unable to get certificate CRL", FailureOf(Revoking(s_other.Crl()), s_mesh.Identity(ClientUri)), StringComparison.Ordinal);

    [Fact]
    public void Revocation_ListOutOfDate_FailsTheChain() => Assert.Contains(
        "CRL has expired", FailureOf(Revoking(s_mesh.Crl(DateTimeOffset.UtcNow.AddHours(-1))), s_mesh.Identity(ClientUri)),
        StringComparison.Ordinal);

    [Fact]
    public void Revocation_ListSignedByAnImpostorOfTheSameName_FailsTheChain()
    {
        var impostor = new TestCertificates();
        Assert.Contains(
            "CRL signature failure", FailureOf(Revoking(impostor.Crl()), s_mesh.Identity(ClientUri)), StringComparison.Ordinal);
    }

    [Fact]
    public void Revocation_LeafOnly_AsksForNoListOfTheRoot()
    {
        TestCertificates intermediate = s_mesh.Intermediate("issuing");
        SslStreamCertificateContext client = intermediate.IdentityWithIssuer(ClientUri);
        TlsPeerVerification verification = Revoking(intermediate.Crl());
        Assert.Contains("at depth 1: unable to get certificate CRL", FailureOf(verification, client), StringComparison.Ordinal);
        Assert.Null(FailureOf(verification with { RevokesLeafOnly = true }, client));
    }

    [Fact]
    public void RootsFor_PeerOfAnotherDomainsRoot_IsRefused()
    {
        X509Certificate2Collection both = s_mesh.Roots;
        both.AddRange(s_other.Roots);
        var verification = new TlsPeerVerification { Roots = both, RootsFor = _ => (s_mesh.Roots, null) };
        Assert.Null(FailureOf(verification, s_mesh.Identity(ClientUri)));
        Assert.Contains(
            "unable to get local issuer certificate", FailureOf(verification, s_other.Identity(ClientUri)), StringComparison.Ordinal);
        Assert.Contains(
            "nobody", FailureOf(verification with { RootsFor = _ => (null, "nobody vouches") }, s_mesh.Identity(ClientUri)),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "TLS_error:|268435612:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0", "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end")]
    public void Server_PlaintextClient_SaysWhatCame(string sent, string failure) => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting =
            Accept(b, _ => new TlsServerChoice { Certificate = s_mesh.Identity(ClientUri) });
        await a.SendAsync(System.Text.Encoding.ASCII.GetBytes(sent));
        TlsHandshake handshake = await accepting;
        Assert.Equal(failure, handshake.Failure);
        Assert.Equal(TlsFailureKind.Protocol, handshake.Kind);
        a.Close();
    });

    [Fact]
    public void Client_VersionsDoNotMeet_SaysTheAlert() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        var choice = new TlsServerChoice
        {
            Certificate = s_mesh.Identity(ClientUri), Protocols = System.Security.Authentication.SslProtocols.Tls13,
        };
        ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
        TlsHandshake client = await Connect(
            a, new TlsClientOptions { Protocols = System.Security.Authentication.SslProtocols.Tls12 });
        TlsHandshake server = await accepting;
        Assert.Equal("TLS_error:|268435696:SSL routines:OPENSSL_internal:UNSUPPORTED_PROTOCOL:TLS_error_end", server.Failure);
        Assert.Equal("TLS_error:|268436526:SSL routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end", client.Failure);
    });

    private static TlsPeerVerification Revoking(string crl) =>
        new() { Roots = s_mesh.Roots, Revocation = RevocationLists.FromPem(crl) };

    /// <summary>Null when the server took the client.</summary>
    private string? FailureOf(TlsPeerVerification verification, SslStreamCertificateContext client)
    {
        string? failure = null;
        LoopRunner.Run(async loop =>
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            var choice = new TlsServerChoice
            {
                Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server"),
                ClientVerification = verification,
                RequireClientCertificate = true,
            };
            ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
            TlsHandshake connected = await Connect(a, new TlsClientOptions { Certificate = client });
            TlsHandshake accepted = await accepting;
            failure = accepted.Failure;
            connected.Stream?.Close();
            accepted.Stream?.Close();
        });
        return failure;
    }
}

public sealed class LibsslPeerVerificationTests() : PeerVerificationTests(TlsEngine.Libssl);

public sealed class SslStreamPeerVerificationTests() : PeerVerificationTests(TlsEngine.SslStream);
