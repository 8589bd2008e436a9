using System.Diagnostics;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>What libssl's engine owes beyond what every engine does: native memory, bounds, records cut anywhere.</summary>
public sealed class LibsslSessionTests
{
    private const string ClientUri = "spiffe://cluster.local/ns/a/sa/client";

    private static readonly TestCertificates s_mesh = new();
    private static readonly SslStreamCertificateContext s_serverIdentity = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server");
    private static readonly SslStreamCertificateContext s_clientIdentity = s_mesh.Identity(ClientUri);

    [Fact]
    public void Engine_OfThisMachine_IsLibssl() => Assert.Null(OpenSslLibrary.Problem);

    /// <summary>Each offset cuts the client's first bytes in two, so hello, key share and records all come in pieces once.</summary>
    [Fact]
    public void Hello_CutAtEveryByte_IsUnderstood() => LoopRunner.Run(async loop =>
    {
        byte[] hello = await HelloOf(loop, new TlsClientOptions { ServerName = "cut.example", ApplicationProtocols = ["h2", "http/1.1"] });
        for (int cut = 1; cut < hello.Length; cut++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            TlsClientHello? seen = null;
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, asked =>
            {
                seen = asked;
                return null;
            }, TlsEngine.Libssl);
            a.TrySend(hello.AsSpan(0, cut));
            await loop.YieldAsync();
            Assert.Null(seen);
            a.TrySend(hello.AsSpan(cut));
            TlsHandshake refused = await accepting;
            Assert.Equal("cut.example", seen!.ServerName);
            Assert.Equal(["h2", "http/1.1"], seen.ApplicationProtocols);
            Assert.Equal(EcdsaCurves.All, seen.EcdsaCurves);
            Assert.Equal(TlsServerStream.NoCertificate, refused.Failure);
            a.Close();
        }

        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void Hello_InRecordsOfOneByte_IsUnderstoodAndShakesHands() => LoopRunner.Run(async loop =>
    {
        byte[] hello = await HelloOf(loop, new TlsClientOptions { ServerName = "cut.example" });
        var fragments = new List<byte>();
        foreach (byte part in hello.AsSpan(5))
        {
            fragments.AddRange([22, 3, 1, 0, 1, part]);
        }

        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        string? seen = null;
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, asked =>
        {
            seen = asked.ServerName;
            return Server();
        }, TlsEngine.Libssl);
        Assert.Equal(fragments.Count, a.TrySend(fragments.ToArray()).Bytes);
        byte[] answer = new byte[16 * 1024];
        IoResult answered = await a.ReceiveAsync(answer);
        Assert.Equal("cut.example", seen);
        // A ServerHello, not an alert.
        Assert.True(answered.Bytes > 100);
        Assert.Equal(22, answer[0]);
        a.Close();
        Assert.Equal(TlsFailureKind.Transport, (await accepting).Kind);
    });

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public void Session_EveryPieceOfOneByte_CarriesBothWays(SslProtocols protocol) => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 64 * 1024);
        var slow = new FaultyByteStream(b, new FaultScript { ReceiveBytesMax = 1, SendBytesMax = 1 });
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(slow, _ => Server() with { Protocols = protocol }, TlsEngine.Libssl);
        TlsStream client = (await TlsClientStream.ConnectAsync(a, new() { Certificate = s_clientIdentity }, TlsEngine.Libssl)).Stream!;
        TlsStream server = (await accepting).Stream!;
        await Exchange(client, server, 20_000);
        await Exchange(server, client, 20_000);
        SocketStreamTests.CloseAll(client, server);
        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void Hello_LargerThanTheBound_IsRefused() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 64 * 1024);
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => Server(), TlsEngine.Libssl);
        byte[] record = new byte[5 + (16 * 1024)];
        record.AsSpan().Fill(7);
        byte[] start = [22, 3, 1, 0x40, 0, 1, 0, 0xFF, 0xFF];
        start.CopyTo(record, 0);
        a.TrySend(record);
        TlsHandshake handshake = await accepting;
        Assert.Contains("EXCESSIVE_MESSAGE_SIZE", handshake.Failure, StringComparison.Ordinal);
        Assert.Equal(TlsFailureKind.Protocol, handshake.Kind);
        Assert.Equal(0, loop.Buffers.RentedCount);
        a.Close();
    });

    [Theory]
    [InlineData(new byte[] { 22, 3, 1, 0xFF, 0xFF, 1 }, "ENCRYPTED_LENGTH_TOO_LONG")]
    [InlineData(new byte[] { 22, 3, 1, 0, 0, 1 }, "ENCRYPTED_LENGTH_TOO_LONG")]
    [InlineData(new byte[] { 22, 3, 1, 0, 40, 2, 0, 0, 36 }, "UNEXPECTED_MESSAGE")]
    [InlineData(new byte[] { 21, 3, 1, 0, 2, 2, 40 }, "SSLV3_ALERT_HANDSHAKE_FAILURE")]
    [InlineData(new byte[] { 22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3 }, "TLS_error:|")]
    public void Hello_Garbage_IsRefusedWithAReason(byte[] sent, string reason) => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => Server(), TlsEngine.Libssl);
        a.TrySend(sent);
        TlsHandshake handshake = await accepting;
        Assert.Contains(reason, handshake.Failure, StringComparison.Ordinal);
        Assert.Equal(TlsFailureKind.Protocol, handshake.Kind);
        Assert.True(b.IsClosed);
        a.Close();
    });

    /// <summary>Random noise after a real hello and in place of records: whatever it is, the session ends and nothing else does.</summary>
    [Fact]
    public void Bytes_AtRandom_EndTheSession() => LoopRunner.Run(async loop =>
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] hello = await HelloOf(loop, new TlsClientOptions { ServerName = "noise.example" });
        for (int i = 0; i < 300; i++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => Server(), TlsEngine.Libssl);
            byte[] sent = [.. hello, .. new byte[20]];
            for (int flip = random.Next(1, 8); flip > 0; flip--)
            {
                sent[random.Next(sent.Length)] = (byte)random.Next(256);
            }

            a.TrySend(sent);
            a.ShutdownSend();
            TlsHandshake handshake = await accepting;
            Assert.True(handshake.Failure is not null, $"seed {seed}, round {i}");
            a.Close();
        }

        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void Receive_GarbageRecord_FailsWithTheReason() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        client.Inner.TrySend([23, 3, 3, 0, 32, .. new byte[32]]);
        Assert.Equal(IoError.TlsFailure, (await server.ReceiveAsync(new byte[10])).Error);
        Assert.Contains("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", server.TransportFailure, StringComparison.Ordinal);
        Assert.Equal(IoError.TlsFailure, server.TrySend([1]).Error);
        Assert.Equal(IoError.TlsFailure, (await server.ReceiveAsync(new byte[10])).Error);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void Receive_EndWithoutCloseNotify_IsAnEndAndAnswersStillGo() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        await client.SendAsync(new byte[10]);
        client.Inner.ShutdownSend();
        Assert.Equal(10, (await SocketStreamTests.ReadToEnd(server, 100)).Length);
        await Exchange(server, client, 1000);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void Receive_EndInsideARecord_IsAFailure() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        client.Inner.TrySend([23, 3, 3, 0, 32, 1, 2, 3]);
        client.Inner.ShutdownSend();
        Assert.Equal(IoError.TlsFailure, (await server.ReceiveAsync(new byte[10])).Error);
        Assert.Contains("in the middle of a TLS record", server.TransportFailure, StringComparison.Ordinal);
        SocketStreamTests.CloseAll(client, server);
    });

    /// <summary>A part of a record must not look like something to read: who waits with an empty receive would never sleep.</summary>
    [Fact]
    public void Receive_PartOfARecord_WaitsForTheRest() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        client.Inner.TrySend([23, 3, 3, 0, 32, 1, 2, 3]);
        await server.ReceiveAsync(Memory<byte>.Empty);
        Assert.Equal(IoError.WouldBlock, server.TryReceive(new byte[10]).Error);
        ValueTask<IoResult> waiting = server.ReceiveAsync(Memory<byte>.Empty);
        Assert.False(waiting.IsCompleted);
        server.Close();
        Assert.Equal(IoError.Closed, (await waiting).Error);
        client.Close();
    });

    [Fact]
    public void KeyUpdate_FromBothSides_GoesUnnoticed() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        for (int i = 0; i < 10; i++)
        {
            Assert.True(((LibsslStream)client).Connection.UpdateKeys());
            await Exchange(client, server, 1000);
            Assert.True(((LibsslStream)server).Connection.UpdateKeys());
            await Exchange(server, client, 1000);
        }

        SocketStreamTests.CloseAll(client, server);
    });

    /// <summary>Each request for new keys is answered; a peer that never reads the answers is cut off when they reach the bound.</summary>
    [Fact]
    public void KeyUpdate_FloodWithoutReading_IsCutOff() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        byte[] received = new byte[100];
        IoResult result = default;
        for (int i = 0; i < 20_000 && result.Error is IoError.None or IoError.WouldBlock; i++)
        {
            Assert.True(((LibsslStream)client).Connection.UpdateKeys());
            if (client.TrySend([1]).IsWouldBlock)
            {
                await loop.YieldAsync();
            }

            result = server.TryReceive(received);
        }

        Assert.Equal(IoError.NoBuffers, result.Error);
        server.Close();
        await loop.YieldAsync();
        await loop.YieldAsync();
        client.Close();
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void CertificateList_LargerThanTheBound_IsRefused() => LoopRunner.Run(async loop =>
    {
        (string chain, string key) = s_mesh.Leaf(ClientUri);
        var pem = new System.Text.StringBuilder(chain);
        for (int i = 0; i < 400; i++)
        {
            pem.Append('\n').Append(new TestCertificates("root " + new string('x', 60) + i).RootPem);
        }

        string directory = Directory.CreateTempSubdirectory("runtime-chain").FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "chain.pem"), pem.ToString());
        await File.WriteAllTextAsync(Path.Combine(directory, "key.pem"), key);
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        using Process client = OpenSsl("s_client", "-connect", listener.LocalAddress.ToString(),
            "-cert", Path.Combine(directory, "chain.pem"), "-key", Path.Combine(directory, "key.pem"), "-cert_chain", Path.Combine(directory, "chain.pem"));
        TlsHandshake handshake = await TlsServerStream.AcceptAsync((await listener.AcceptAsync()).Stream!, _ => Server(), TlsEngine.Libssl);
        Assert.Contains("EXCESSIVE_MESSAGE_SIZE", handshake.Failure, StringComparison.Ordinal);
        client.StandardInput.Close();
        await client.StandardOutput.ReadToEndAsync();
        await client.WaitForExitAsync();
        listener.Close();
        Directory.Delete(directory, recursive: true);
    });

    [Fact]
    public void Renegotiation_AskedForByAClient_IsRefused() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        using Process client = OpenSsl("s_client", "-connect", listener.LocalAddress.ToString(), "-tls1_2");
        TlsServerChoice open = Server() with { ClientVerification = null, RequireClientCertificate = false };
        TlsStream server = (await TlsServerStream.AcceptAsync((await listener.AcceptAsync()).Stream!, _ => open, TlsEngine.Libssl)).Stream!;
        await client.StandardInput.WriteAsync("R\n");
        await client.StandardInput.FlushAsync();
        // The refusal is a warning: nothing reaches the application, and the client gives up.
        IoResult end = await server.ReceiveAsync(new byte[100]);
        Assert.True(end.IsEnd || !end.IsOk);
        server.Close();
        client.StandardInput.Close();
        string errors = await client.StandardError.ReadToEndAsync();
        await client.WaitForExitAsync();
        Assert.Contains("no renegotiation", errors, StringComparison.OrdinalIgnoreCase);
        listener.Close();
    });

    [Fact]
    public void Exchange_SteadyState_AllocatesNothing() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop);
        byte[] sent = new byte[1000];
        byte[] received = new byte[4000];
        int moved = 0;
        long least = long.MaxValue;
        for (int round = 0; round < 20; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 50; i++)
            {
                ValueTask<IoResult> waiting = server.ReceiveAsync(Memory<byte>.Empty);
                client.TrySend(sent, sent);
                await waiting;
                moved += server.TryReceive(received).Bytes;
                ValueTask<IoResult> answer = client.ReceiveAsync(received);
                server.TrySend(sent);
                moved += (await answer).Bytes;
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.Equal(20 * 50 * 3000, moved);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void Choice_Retired_FreesItsContextAndItsSessionsGoOn() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server();
        (TlsStream client, TlsStream server) = await ShakeHands(loop, choice);
        SslContext context = choice.Context;
        choice.Retire();
        Assert.True(context.IsClosed);
        await Exchange(client, server, 1000);
        SocketStreamTests.CloseAll(client, server);
        // A handshake that comes too late makes another one.
        (client, server) = await ShakeHands(loop, choice);
        Assert.NotSame(context, choice.Context);
        SocketStreamTests.CloseAll(client, server);
        choice.Retire();
    });

    [Fact]
    public void Copy_OfAChoice_HasAContextOfItsOwn()
    {
        TlsServerChoice choice = Server();
        SslContext context = choice.Context;
        TlsServerChoice copy = choice with { ApplicationProtocols = ["h2"] };
        Assert.NotSame(context, copy.Context);
        choice.Retire();
        copy.Retire();
    }

    [Fact]
    public void CipherSuites_OfAServer_AreChosenInItsOrder() => LoopRunner.Run(async loop =>
    {
        string[] wanted = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
        TlsServerChoice choice = Server() with { Protocols = SslProtocols.Tls12, CipherSuites = wanted };
        (TlsStream client, TlsStream server) = await ShakeHands(loop, choice);
        Assert.Equal(wanted[0], server.Tls.CipherSuite);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void Groups_OfAServer_NarrowTheKeyExchange() => LoopRunner.Run(async loop =>
    {
        (TlsStream client, TlsStream server) = await ShakeHands(loop, Server() with { Groups = ["no such group", "P-384"] });
        Assert.Equal("P-384", server.Tls.Group);
        Assert.Equal("P-384", client.Tls.Group);
        SocketStreamTests.CloseAll(client, server);
    });

    [Fact]
    public void SignatureAlgorithms_OfAServer_NarrowWhatItTakesOfClients() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        TlsServerChoice choice = Server() with { SignatureAlgorithms = ["rsa_pss_rsae_sha256"] };
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
        await TlsClientStream.ConnectAsync(a, new() { Certificate = s_clientIdentity }, TlsEngine.Libssl);
        Assert.Contains("TLS_error:|", (await accepting).Failure, StringComparison.Ordinal);
        a.Close();
    });

    /// <summary>Workers share a choice and a client's options, contexts and sessions to resume among them.</summary>
    [Fact]
    public void Contexts_OfSeveralLoopsAtOnce_ServeThemAll()
    {
        TlsServerChoice choice = Server();
        var options = new TlsClientOptions { Certificate = s_mesh.Identity(ClientUri), ServerName = "workers.example" };
        int done = 0;
        Thread[] workers = new Thread[4];
        for (int w = 0; w < workers.Length; w++)
        {
            workers[w] = new Thread(() => LoopRunner.Run(async loop =>
            {
                for (int i = 0; i < 60; i++)
                {
                    (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
                    ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
                    TlsStream client = (await TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl)).Stream!;
                    TlsStream server = (await accepting).Stream!;
                    await Exchange(server, client, 1000);
                    SocketStreamTests.CloseAll(client, server);
                    Interlocked.Increment(ref done);
                }
            }));
            workers[w].Start();
        }

        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        Assert.Equal(4 * 60, done);
        choice.Retire();
    }

    [Fact]
    public void Verdict_OfAChain_IsKeptUntilTheCertificateEnds()
    {
        var verification = new TlsPeerVerification { Roots = s_mesh.Roots };
        X509Certificate2 leaf = s_clientIdentity.TargetCertificate;
        Assert.True(new TlsVerifier(verification, required: true, isServer: true).Verify(leaf, [], DateTimeOffset.UtcNow));
        Assert.True(verification.Verdicts.IsGood(leaf, isServer: true, DateTimeOffset.UtcNow));
        Assert.False(verification.Verdicts.IsGood(leaf, isServer: false, DateTimeOffset.UtcNow));
        Assert.False(verification.Verdicts.IsGood(leaf, isServer: true, new DateTimeOffset(leaf.NotAfter)));
        Assert.Same(verification.Verdicts, (verification with { Check = static _ => null }).Verdicts);
        Assert.NotSame(verification.Verdicts, (verification with { AllowExpired = true }).Verdicts);
        var revoking = verification with { Revocation = RevocationLists.FromPem(s_mesh.Crl(null, leaf)) };
        Assert.False(new TlsVerifier(revoking, required: true, isServer: true).Verify(leaf, [], DateTimeOffset.UtcNow));
    }

    private static TlsServerChoice Server() => new()
    {
        Certificate = s_serverIdentity,
        ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
        RequireClientCertificate = true,
    };

    private static async Task<(TlsStream Client, TlsStream Server)> ShakeHands(EventLoop loop, TlsServerChoice? choice = null)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        choice ??= Server();
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl);
        TlsHandshake client = await TlsClientStream.ConnectAsync(a, new() { Certificate = s_clientIdentity }, TlsEngine.Libssl);
        TlsHandshake server = await accepting;
        Assert.Null(client.Failure);
        Assert.Null(server.Failure);
        return (client.Stream!, server.Stream!);
    }

    internal static async Task<byte[]> HelloOf(EventLoop loop, TlsClientOptions options)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> connecting = TlsClientStream.ConnectAsync(a, options, TlsEngine.Libssl);
        byte[] hello = new byte[4096];
        IoResult received = await b.ReceiveAsync(hello);
        b.Close();
        Assert.NotNull((await connecting).Failure);
        return hello[..received.Bytes];
    }

    internal static async Task Exchange(IByteStream from, IByteStream to, int count)
    {
        byte[] sent = SocketStreamTests.Bytes(count);
        Task<IoResult> sending = from.SendAsync(sent).AsTask();
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

    private static Process OpenSsl(params string[] arguments) => Process.Start(new ProcessStartInfo("openssl", arguments)
    {
        RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
    })!;
}
