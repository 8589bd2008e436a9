using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

public abstract class TlsStreamTests(TlsEngine engine) : TlsEngineTests(engine)
{
    private static readonly TestCertificates s_mesh = new();
    private static readonly TlsServerChoice s_server = new() { Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server") };
    private static readonly SslStreamCertificateContext s_clientIdentity = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/client");

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public void Mutual_TrustedPeers_ExchangeBytesAndFacts(SslProtocols protocol) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Mutual() with { ApplicationProtocols = ["istio", "h2"], Protocols = protocol };
        var options = new TlsClientOptions
        {
            ServerName = "outbound_.80_._.server", ApplicationProtocols = ["http/1.1", "h2"], Certificate = s_clientIdentity,
            ServerVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
        };
        (TlsStream client, TlsStream server) = await ShakeHands(loop, choice, options);
        Assert.Equal(protocol, server.Tls.Protocol);
        Assert.Equal("h2", server.Tls.ApplicationProtocol);
        Assert.Equal("h2", client.Tls.ApplicationProtocol);
        Assert.Equal("outbound_.80_._.server", server.Tls.ServerName);
        Assert.True(server.Tls.PeerCertificateValidated);
        Assert.True(client.Tls.PeerCertificateValidated);
        Assert.Equal(s_clientIdentity.TargetCertificate.Thumbprint, server.Tls.PeerCertificate!.Thumbprint);
        Assert.StartsWith("TLS_", server.Tls.CipherSuite, StringComparison.Ordinal);
        await Exchange(client, server);
        await Exchange(server, client);
        SocketStreamTests.CloseAll(client, server);
        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void Alpn_NothingInCommon_GoesOnWithout() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = s_server with { ApplicationProtocols = ["istio-peer-exchange"] };
        (TlsStream client, TlsStream server) = await ShakeHands(loop, choice, new() { ApplicationProtocols = ["h2"] });
        Assert.Null(server.Tls.ApplicationProtocol);
        Assert.Null(client.Tls.ApplicationProtocol);
        Assert.Null(server.Tls.ServerName);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void Choice_SeesWhatTheClientOffers() => LoopRunner.Run(async loop =>
    {
        TlsClientHello? seen = null;
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = Accept(b, hello =>
        {
            seen = hello;
            return null;
        });
        TlsHandshake client = await Connect(a, new() { ServerName = "x.example", ApplicationProtocols = ["a", "bb"] });
        TlsHandshake server = await accepting;
        Assert.Equal("x.example", seen!.ServerName);
        Assert.Equal(["a", "bb"], seen.ApplicationProtocols);
        Assert.Null(server.Stream);
        Assert.Contains("no certificate serves", server.Failure, StringComparison.Ordinal);
        Assert.NotNull(client.Failure);
        Assert.True(a.IsClosed && b.IsClosed);
    });

    [Fact]
    public void Client_WithoutRequiredCertificate_IsRefused() => LoopRunner.Run(async loop =>
    {
        (_, TlsHandshake server) = await Handshakes(loop, Mutual(), new());
        Assert.Equal(TlsFailureKind.NoPeerCertificate, server.Kind);
        Assert.Equal(
            "TLS_error:|268435648:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE:"
            + "peer did not provide required client certificate:TLS_error_end", server.Failure);
    });

    [Fact]
    public void Client_OfAnotherRoot_IsRefusedWithTheReason() => LoopRunner.Run(async loop =>
    {
        var stranger = new TlsClientOptions { Certificate = new TestCertificates("other root").Identity("spiffe://evil/ns/a/sa/client") };
        (_, TlsHandshake server) = await Handshakes(loop, Mutual(), stranger);
        Assert.Equal(TlsFailureKind.Chain, server.Kind);
        Assert.Equal(
            "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: X509_verify_cert: "
            + "certificate verification error at depth 0: unable to get local issuer certificate:TLS_error_end", server.Failure);
        Assert.Null(server.Stream);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Client_Expired_IsRefusedUnlessAllowed(bool allow) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = s_server with
        {
            ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots, AllowExpired = allow }, RequireClientCertificate = true,
        };
        var options = new TlsClientOptions { Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/late", expired: true) };
        (TlsHandshake client, TlsHandshake server) = await Handshakes(loop, choice, options);
        Assert.Equal(allow, server.Stream is not null);
        Assert.True(allow || server.Failure!.Contains("certificate has expired", StringComparison.Ordinal), server.Failure);
        server.Stream?.Close();
        client.Stream?.Close();
    });

    [Fact]
    public void Server_NameRefusedByCheck_SaysWhy() => LoopRunner.Run(async loop =>
    {
        var options = new TlsClientOptions
        {
            ServerVerification = new TlsPeerVerification { Roots = s_mesh.Roots, Check = peer => new(TlsFailureKind.Name, $"SAN of {peer.Subject} is not wanted") },
        };
        (TlsHandshake client, _) = await Handshakes(loop, s_server, options);
        Assert.Equal(TlsFailureKind.Name, client.Kind);
        Assert.Contains(":SAN of CN=leaf is not wanted:", client.Failure, StringComparison.Ordinal);
    });

    /// <summary>What .NET throws at a certificate that OpenSSL takes must not travel through either library, nor end the process.</summary>
    [Fact]
    public void Check_ThrowsAtACertificate_RefusesThePeer() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Mutual() with
        {
            ClientVerification = new TlsPeerVerification
            {
                Roots = s_mesh.Roots, Check = static _ => throw new System.Security.Cryptography.CryptographicException("bad extension"),
            },
        };
        (TlsHandshake client, TlsHandshake server) = await Handshakes(loop, choice, new() { Certificate = s_clientIdentity });
        Assert.Equal(TlsFailureKind.Chain, server.Kind);
        Assert.Contains("malformed", server.Failure, StringComparison.Ordinal);
        client.Stream?.Close();
    });

    [Fact]
    public void CipherSuite_NotAllowed_IsRefusedAfterTheHandshake() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = s_server with { Protocols = SslProtocols.Tls12, CipherSuites = new HashSet<string> { "TLS_RSA_WITH_NULL_MD5" } };
        (_, TlsHandshake server) = await Handshakes(loop, choice, new());
        Assert.Contains("NO_SHARED_CIPHER", server.Failure, StringComparison.Ordinal);
    });

    /// <summary>Slow peers and cut records: every continuation of SslStream must stay on the loop.</summary>
    [Fact]
    public void Session_BytesComeOneByOne_NeverLeavesTheLoop() => LoopRunner.Run(async loop =>
    {
        // Small enough that the exchanges below wait, large enough for the session tickets that a server sends unasked.
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 2500);
        var slow = new FaultyByteStream(b, new FaultScript { ReceiveBytesMax = 1 });
        ValueTask<TlsHandshake> accepting = Accept(slow, _ =>
        {
            Assert.True(loop.IsCurrent);
            return Mutual();
        });
        TlsHandshake connected = await Connect(a, new() { Certificate = s_clientIdentity });
        TlsStream server = (await accepting).Stream!;
        Assert.True(loop.IsCurrent);
        await Exchange(connected.Stream!, server, 30_000);
        await Exchange(server, connected.Stream!, 30_000);
        Assert.True(loop.IsCurrent);
        SocketStreamTests.CloseAll(connected.Stream!, server);
    });

    [Fact]
    public void Handshake_PeerVanishes_FailsWithTheTransportsReason() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = Accept(b, _ => s_server);
        a.TrySend([22, 3, 1]);
        a.Reset();
        TlsHandshake handshake = await accepting;
        Assert.Equal(TlsFailureKind.Transport, handshake.Kind);
        Assert.Contains("Connection reset by peer", handshake.Failure, StringComparison.Ordinal);
    });

    [Fact]
    public void Handshake_Garbage_Fails() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = Accept(b, _ => s_server);
        a.TrySend("GET / HTTP/1.1\r\nHost: plain\r\n\r\n"u8);
        Assert.NotNull((await accepting).Failure);
        Assert.True(b.IsClosed);
    });

    [Fact]
    public void ShutdownSend_PeerReceives_SeesTheEndAndStillAnswers() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop, s_server, new());
        await client.SendAsync(new byte[10]);
        client.ShutdownSend();
        Assert.Equal(10, (await SocketStreamTests.ReadToEnd(server, 100)).Length);
        Assert.Equal(IoError.BrokenPipe, client.TrySend([1]).Error);
        await Exchange(server, client);
        server.Close();
        Assert.True((await client.ReceiveAsync(new byte[1])).IsEnd);
        client.Close();
    });

    [Fact]
    public void Receive_CancelledOrClosed_EndsAndLosesNothing() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop, s_server, new());
        ValueTask<IoResult> pending = server.ReceiveAsync(new byte[10]);
        await loop.YieldAsync();
        server.CancelReceive();
        Assert.Equal(IoError.Canceled, (await pending).Error);
        await Exchange(client, server);
        pending = server.ReceiveAsync(new byte[10]);
        server.Close();
        Assert.Equal(IoError.Closed, (await pending).Error);
        Assert.Equal(IoError.Closed, server.TryReceive(new byte[1]).Error);
        client.Close();
    });

    [Fact]
    public void IdleSession_EmptyReceiveThenTry_DeliversWithoutAHeldBuffer() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop, s_server, new());
        byte[] buffer = new byte[5];
        for (int i = 0; i < 20; i++)
        {
            ValueTask<IoResult> waiting = server.ReceiveAsync(Memory<byte>.Empty);
            Assert.Equal(0, loop.Buffers.RentedCount);
            await client.SendAsync(new byte[12]);
            int got = 0;
            await waiting;
            while (got < 12)
            {
                IoResult result = server.TryReceive(buffer);
                if (result.IsWouldBlock)
                {
                    await server.ReceiveAsync(Memory<byte>.Empty);
                }

                got += result.Bytes;
            }

            Assert.Equal(12, got);
        }

        SocketStreamTests.CloseAll(client, server);
    });

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public void Resumption_SecondSessionOfAClient_NeedsNoCertificates(SslProtocols protocol) => LoopRunner.Run(async loop =>
    {
        var options = new TlsClientOptions { ServerName = "resume.example", Protocols = protocol };
        var resumed = new List<(bool Client, bool Server)>();
        var handshakeBytes = new List<long>();
        for (int i = 0; i < 3; i++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            var counted = new FaultyByteStream(b, new FaultScript());
            ValueTask<TlsHandshake> accepting = Accept(counted, _ => s_server);
            TlsStream client = (await Connect(a, options)).Stream!;
            TlsStream server = (await accepting).Stream!;
            handshakeBytes.Add(counted.SentBytes);
            resumed.Add((client.Tls.IsResumed, server.Tls.IsResumed));
            // Session tickets reach the client with the first bytes it reads.
            await Exchange(server, client);
            SocketStreamTests.CloseAll(client, server);
        }

        Assert.True(handshakeBytes[2] < handshakeBytes[0], string.Join(", ", handshakeBytes));
        Assert.Equal((false, false), resumed[0]);
        Assert.Equal((true, true), resumed[2]);
    });

    private static TlsServerChoice Mutual() => s_server with
    {
        ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots }, RequireClientCertificate = true,
    };

    private async Task<(TlsStream Client, TlsStream Server)> ShakeHands(EventLoop loop, TlsServerChoice choice, TlsClientOptions options)
    {
        (TlsHandshake client, TlsHandshake server) = await Handshakes(loop, choice, options);
        Assert.Null(client.Failure);
        Assert.Null(server.Failure);
        return (client.Stream!, server.Stream!);
    }

    private async Task<(TlsHandshake Client, TlsHandshake Server)> Handshakes(
        EventLoop loop, TlsServerChoice choice, TlsClientOptions options)
    {
        (SocketStream a, SocketStream b, ListenSocket listener) = await SocketStreamTests.ConnectPair(loop, NetAddress.Loopback(0));
        listener.Close();
        ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
        TlsHandshake client = await Connect(a, options);
        if (client.Failure is not null)
        {
            a.Close();
        }

        TlsHandshake server = await accepting;
        return (client, server);
    }

    private static async Task Exchange(IByteStream from, IByteStream to, int count = 200_000)
    {
        byte[] sent = SocketStreamTests.Bytes(count);
        Task<IoResult> sending = from.SendAsync(sent.AsMemory(0, 100), sent.AsMemory(100)).AsTask();
        byte[] received = new byte[count];
        int got = 0;
        while (got < count)
        {
            IoResult result = await to.ReceiveAsync(received.AsMemory(got));
            Assert.True(result.IsOk && !result.IsEnd, result.Error.ToString());
            got += result.Bytes;
        }

        Assert.Equal(count, (await sending).Bytes);
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }
}

public sealed class LibsslTlsStreamTests() : TlsStreamTests(TlsEngine.Libssl);

public sealed class SslStreamTlsStreamTests() : TlsStreamTests(TlsEngine.SslStream);
