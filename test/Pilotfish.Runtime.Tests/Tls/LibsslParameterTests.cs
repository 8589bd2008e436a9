using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>What only libssl's engine can do of Envoy's TLS parameters.</summary>
public sealed class LibsslParameterTests : IDisposable
{
    private static readonly TestCertificates s_mesh = new();
    private static readonly SslStreamCertificateContext s_server = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server");
    private static readonly SslStreamCertificateContext s_client = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/client");

    private readonly string _directory = Directory.CreateTempSubdirectory("runtime-tls-parameters").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(SslProtocols.Tls12, TlsResumption.All, true)]
    [InlineData(SslProtocols.Tls12, TlsResumption.Tickets, true)]
    [InlineData(SslProtocols.Tls12, TlsResumption.SessionIds, true)]
    [InlineData(SslProtocols.Tls12, TlsResumption.None, false)]
    [InlineData(SslProtocols.Tls13, TlsResumption.Tickets, true)]
    [InlineData(SslProtocols.Tls13, TlsResumption.SessionIds, false)]
    [InlineData(SslProtocols.Tls13, TlsResumption.None, false)]
    public void Resumption_ByTicketOrNumber_IsWhatTheServerAllows(SslProtocols protocol, TlsResumption resumption, bool resumes) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with { Protocols = protocol, Resumption = resumption };
        TlsClientOptions options = Client() with { ServerName = $"{protocol}.{resumption}.example" };
        Assert.False((await ShakeHands(loop, choice, options)).Client.IsResumed);
        Assert.Equal(resumes, (await ShakeHands(loop, choice, options)).Client.IsResumed);
        choice.Retire();
    });

    [Theory]
    [InlineData(SslProtocols.Tls12, TlsResumption.SessionIds)]
    [InlineData(SslProtocols.Tls12, TlsResumption.Tickets)]
    public void SessionId_IsTheSameOnBothSides(SslProtocols protocol, TlsResumption resumption) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with { Protocols = protocol, Resumption = resumption };
        TlsClientOptions options = Client() with { ServerName = $"id.{resumption}.example" };
        (TlsSessionFacts client, TlsSessionFacts server) = await ShakeHands(loop, choice, options);
        if (resumption == TlsResumption.SessionIds)
        {
            Assert.Matches("^[0-9a-f]{64}$", client.SessionId);
            Assert.Equal(client.SessionId, server.SessionId);
        }

        (TlsSessionFacts again, TlsSessionFacts serverAgain) = await ShakeHands(loop, choice, options);
        Assert.True(again.IsResumed);
        Assert.Equal(again.SessionId, serverAgain.SessionId);
        choice.Retire();
    });

    [Fact]
    public void SessionTimeout_IsTheTicketsLifetime() => LoopRunner.Run(async loop =>
    {
        // libssl tells a ticket's lifetime to the client, which forgets the session then.
        TlsServerChoice choice = Server() with { Protocols = SslProtocols.Tls12, SessionSeconds = 77 };
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
        TlsStream client = (await TlsClientStream.ConnectAsync(a, Client(), TlsEngine.Libssl)).Stream!;
        Assert.Equal(77u, ((LibsslStream)client).Connection.TicketLifetimeSeconds);
        SocketStreamTests.CloseAll(client, (await accepting).Stream!);
        choice.Retire();
    });

    [Theory]
    [InlineData(false, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")]
    [InlineData(true, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")]
    public void CipherOrder_IsTheServersUnlessItPrefersTheClients(bool prefersClient, string chosen) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with
        {
            Protocols = SslProtocols.Tls12, PreferClientCiphers = prefersClient,
            CipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
        };
        TlsClientOptions options = Client() with
        {
            CipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
        };
        Assert.Equal(chosen, (await ShakeHands(loop, choice, options)).Client.CipherSuite);
        choice.Retire();
    });

    [Fact]
    public void PeerSignature_IsNamedAsBoringSslNamesIt() => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = s_mesh.DnsLeaf("rsa.example", rsa: true);
        TlsServerChoice choice = Server() with { Certificate = TlsCertificates.FromPem(chain, key) };
        (TlsSessionFacts client, TlsSessionFacts server) = await ShakeHands(loop, choice, Client());
        Assert.StartsWith("rsa_pss_rsae_sha", client.PeerSignature, StringComparison.Ordinal);
        Assert.Equal("ecdsa_secp256r1_sha256", server.PeerSignature);
        choice.Retire();
    });

    [Fact]
    public void KeyLog_OfBothSides_HoldsTheSecretsThatNssNames() => LoopRunner.Run(async loop =>
    {
        string path = Path.Combine(_directory, "keys");
        using (var writer = FileWriterThread.Open(path, new FileWriterOptions()))
        {
            var log = new SessionKeyLog(writer, static (_, _) => true);
            TlsServerChoice choice = Server() with { KeyLog = log };
            await ShakeHands(loop, choice, Client());
            choice.Retire();
            choice = Server() with { Protocols = SslProtocols.Tls12 };
            await ShakeHands(loop, choice, Client() with { KeyLog = log });
            choice.Retire();
            choice = Server() with { KeyLog = new SessionKeyLog(writer, static (_, _) => false) };
            await ShakeHands(loop, choice, Client());
            choice.Retire();
        }

        string[] lines = await File.ReadAllLinesAsync(path);
        string[] labels = [.. lines.Select(static line => line.Split(' ')[0])];
        Assert.Contains("CLIENT_HANDSHAKE_TRAFFIC_SECRET", labels);
        Assert.Contains("SERVER_TRAFFIC_SECRET_0", labels);
        Assert.Single(labels, "CLIENT_RANDOM");
        Assert.Equal(2, lines.Select(static line => line.Split(' ')[1]).Distinct().Count());
        Assert.All(lines, static line => Assert.Matches("^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$", line));
    });

    [Fact]
    public void Sessions_BeyondTheClientsBound_AreForgottenOldestFirst() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with { Protocols = SslProtocols.Tls12 };
        TlsClientOptions options = Client() with { SessionsMax = 2, SessionScope = new object() };
        await Resumes("a.example");
        await Resumes("b.example");
        Assert.True(await Resumes("a.example"));
        await Resumes("c.example");
        Assert.False(await Resumes("a.example"));
        Assert.True(await Resumes("c.example"));

        // Another cluster's sessions are its own.
        options = options with { SessionScope = new object() };
        Assert.False(await Resumes("c.example"));
        choice.Retire();

        async Task<bool> Resumes(string name) => (await ShakeHands(loop, choice, options with { ServerName = name })).Client.IsResumed;
    });

    [Fact]
    public void AesOnly_ServerAndClient_MeetWithoutChaCha() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with { IsAesOnly = true, Groups = ["P-384"] };
        TlsSessionFacts facts = (await ShakeHands(loop, choice, Client() with { IsAesOnly = true, Groups = ["P-256", "P-384"] })).Client;
        Assert.Contains("_GCM_", facts.CipherSuite, StringComparison.Ordinal);
        Assert.Equal("P-384", facts.Group);
        choice.Retire();
    });

    private static TlsServerChoice Server() => new()
    {
        Certificate = s_server, ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots }, RequireClientCertificate = true,
    };

    // Sessions live in the client's context: tests that must not meet each other's name a scope.
    private static TlsClientOptions Client() => new() { Certificate = s_client, ServerName = "server.example" };

    private static async Task<(TlsSessionFacts Client, TlsSessionFacts Server)> ShakeHands(EventLoop loop, TlsServerChoice choice, TlsClientOptions options)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
        TlsStream client = (await TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl)).Stream!;
        TlsStream server = (await accepting).Stream!;
        await LibsslSessionTests.Exchange(server, client, 100);
        SocketStreamTests.CloseAll(client, server);
        return (client.Tls, server.Tls);
    }
}
