using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>Whose sessions libssl's engine resumes, and whose it must not.</summary>
public sealed class LibsslResumptionTests
{
    private const string ClientUri = "spiffe://cluster.local/ns/a/sa/client";

    private static readonly TestCertificates s_mesh = new();
    private static readonly SslStreamCertificateContext s_serverIdentity = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server");
    private static readonly SslStreamCertificateContext s_clientIdentity = s_mesh.Identity(ClientUri);

    /// <summary>Two processes with the same keys resume each other's sessions; after a rotation the old key is read as long as it stands there.</summary>
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public void TicketKeys_SharedAndRotated_ResumeSessionsOfOthers(SslProtocols protocol) => LoopRunner.Run(async loop =>
    {
        byte[] old = RandomNumberGenerator.GetBytes(TlsTicketKeys.KeyBytes);
        byte[] fresh = RandomNumberGenerator.GetBytes(TlsTicketKeys.KeyBytes);
        var keys = new TlsTicketKeys();
        keys.Set([old]);
        TlsServerChoice Process() => Server() with
        {
            TicketKeys = keys, Protocols = protocol, ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
        };
        var options = new TlsClientOptions { Certificate = s_mesh.Identity(ClientUri), ServerName = "tickets.example" };
        Assert.False(await Resumes(Process()));
        Assert.True(await Resumes(Process()));
        keys.Set([fresh, old]);
        Assert.True(await Resumes(Process()));
        keys.Set([fresh]);
        Assert.True(await Resumes(Process()));
        // Who trusts others must not take over a session, whoever holds the keys.
        X509Certificate2Collection wider = s_mesh.Roots;
        wider.AddRange(new TestCertificates("other").Roots);
        Assert.False(await Resumes(Process() with { ClientVerification = new TlsPeerVerification { Roots = wider } }));
        keys.Set([RandomNumberGenerator.GetBytes(TlsTicketKeys.KeyBytes)]);
        Assert.False(await Resumes(Process()));

        async Task<bool> Resumes(TlsServerChoice choice)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
            TlsStream client = (await TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl)).Stream!;
            TlsStream server = (await accepting).Stream!;
            await LibsslSessionTests.Exchange(server, client, 100);
            Assert.True(server.Tls.PeerCertificateValidated);
            bool resumed = server.Tls.IsResumed;
            SocketStreamTests.CloseAll(client, server);
            choice.Retire();
            return resumed;
        }
    });

    [Fact]
    public void Resumed_PeerThatIsNoLongerWelcome_IsRefused() => LoopRunner.Run(async loop =>
    {
        bool isWelcome = true;
        TlsServerChoice choice = Server() with
        {
            ClientVerification = new TlsPeerVerification
            {
                Roots = s_mesh.Roots, Check = _ => isWelcome ? null : new TlsRefusal(TlsFailureKind.Name, "verify cert failed: not any more"),
            },
        };
        var options = new TlsClientOptions { Certificate = s_clientIdentity, ServerName = "revoked.example" };
        for (int i = 0; i < 2; i++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
            TlsStream client = (await TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl)).Stream!;
            TlsHandshake server = await accepting;
            Assert.Equal(isWelcome, server.Stream is not null);
            if (server.Stream is { } stream)
            {
                Assert.Equal(s_clientIdentity.TargetCertificate.Thumbprint, stream.Tls.PeerCertificate!.Thumbprint);
                await LibsslSessionTests.Exchange(stream, client, 100);
                stream.Close();
            }
            else
            {
                Assert.True(client.Tls.IsResumed);
                Assert.Equal(TlsFailureKind.Name, server.Kind);
            }

            client.Close();
            isWelcome = false;
        }
    });

    [Fact]
    public void Resumed_ChainWithAnIntermediate_VerifiesWithoutIt() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server();
        var options = new TlsClientOptions
        {
            Certificate = s_mesh.Intermediate("issuing").IdentityWithIssuer(ClientUri), ServerName = "intermediate.example",
        };
        for (int i = 0; i < 2; i++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
            TlsStream client = (await TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl)).Stream!;
            TlsStream server = (await accepting).Stream!;
            Assert.Equal(i == 1, server.Tls.IsResumed);
            Assert.True(server.Tls.PeerCertificateValidated);
            await LibsslSessionTests.Exchange(server, client, 100);
            SocketStreamTests.CloseAll(client, server);
            // As if another peer had taken its place among the verdicts.
            choice.ClientVerification!.Verdicts.Forget();
        }
    });

    [Fact]
    public void Store_PeersBeyondTheBound_LoseTheirSessions() => LoopRunner.Run(async loop =>
    {
        var options = new TlsClientOptions { Certificate = s_mesh.Identity(ClientUri) };
        TlsServerChoice choice = Server();
        Assert.False(await Resumes("first.example"));
        Assert.True(await Resumes("first.example"));
        for (int i = 0; i < 128; i++)
        {
            Assert.False(await Resumes($"peer{i}.example"));
        }

        Assert.False(await Resumes("first.example"));
        Assert.True(await Resumes("peer100.example"));
        choice.Retire();

        async Task<bool> Resumes(string name)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
            TlsStream client = (await TlsClientStream.ConnectAsync(a, options with { ServerName = name }, TlsEngine.Libssl)).Stream!;
            TlsStream server = (await accepting).Stream!;
            await LibsslSessionTests.Exchange(server, client, 100);
            bool resumed = client.Tls.IsResumed;
            SocketStreamTests.CloseAll(client, server);
            return resumed;
        }
    });

    private static TlsServerChoice Server() => new()
    {
        Certificate = s_serverIdentity,
        ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
        RequireClientCertificate = true,
    };
}
