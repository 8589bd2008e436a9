using System.Net.Security;
using System.Security.Authentication;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>Peers that leave or misbehave at every point of a handshake: each ends with a reason, and nothing of it stays.</summary>
public abstract class HostilePeerTests(TlsEngine engine) : TlsEngineTests(engine)
{
    /// <summary>A prime, so that the cuts fall at every place of records over the protocols and ways to leave.</summary>
    private const int StepBytes = 13;

    /// <summary>More than either side says in a handshake with these certificates.</summary>
    private const int FlightBytes = 1700;

    private static readonly TestCertificates s_mesh = new();
    private static readonly SslStreamCertificateContext s_server = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server");
    private static readonly SslStreamCertificateContext s_client = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/client");

    [Theory]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, false)]
    [InlineData(SslProtocols.Tls13, true)]
    public void Client_LeavingAtAnyByteOfEitherSide_EndsTheServersHandshake(SslProtocols protocol, bool ofServer) => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server() with { Protocols = protocol };
        var options = new TlsClientOptions { Certificate = s_client, AllowResumption = false };
        for (int cut = 0; cut < FlightBytes; cut += StepBytes)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
            ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
            var leaving = new FaultyByteStream(a, ofServer ? new FaultScript { ResetAfterReceivedBytes = cut } : new FaultScript { ResetAfterSentBytes = cut });
            TlsHandshake client = await Connect(leaving, options);
            a.Close();
            TlsHandshake server = await accepting;
            Assert.True(server.Stream is not null || !string.IsNullOrEmpty(server.Failure), $"cut at {cut}");
            Assert.True(server.Stream is not null || b.IsClosed, $"cut at {cut}");
            client.Stream?.Close();
            server.Stream?.Close();
        }

        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal(0, loop.Buffers.RentedCount);
        choice.Retire();
    });

    /// <summary>An alert in the clear, of every number and either level, in the place of each flight of the client.</summary>
    [Fact]
    public void Alert_OfEveryNumber_EndsTheHandshakeWithAReason() => LoopRunner.Run(async loop =>
    {
        TlsServerChoice choice = Server();
        byte[] hello = await HelloAsync(loop);
        foreach (byte level in (byte[])[1, 2, 3])
        {
            for (int number = 0; number < 256; number += number < 130 ? 5 : 25)
            {
                foreach (bool afterHello in (bool[])[false, true])
                {
                    (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
                    ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
                    if (afterHello)
                    {
                        await a.SendAsync(hello);
                    }

                    await a.SendAsync(new byte[] { 21, 3, 3, 0, 2, level, (byte)number });
                    a.ShutdownSend();
                    TlsHandshake handshake = await accepting;
                    Assert.Null(handshake.Stream);
                    Assert.False(string.IsNullOrEmpty(handshake.Failure), $"alert {level} {number}");
                    a.Close();
                }
            }
        }

        await loop.YieldAsync();
        Assert.Equal(0, loop.Buffers.RentedCount);
        choice.Retire();
    });

    /// <summary>Records without content, before a session and in it: neither loops over them nor waits for more.</summary>
    [Theory]
    [InlineData(20)]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public void Records_OfLengthZero_EndHandshakeAndSession(byte type) => LoopRunner.Run(async loop =>
    {
        byte[] flood = new byte[5 * 200];
        for (int i = 0; i < flood.Length; i += 5)
        {
            (flood[i], flood[i + 1], flood[i + 2]) = (type, 3, 3);
        }

        TlsServerChoice choice = Server();
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
        ValueTask<TlsHandshake> accepting = Accept(b, _ => choice);
        await a.SendAsync(flood);
        a.ShutdownSend();
        Assert.Null((await accepting).Stream);
        a.Close();

        (a, b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
        accepting = Accept(b, _ => choice);
        TlsStream client = (await Connect(a, new TlsClientOptions { Certificate = s_client })).Stream!;
        TlsStream server = (await accepting).Stream!;
        await a.SendAsync(flood);
        IoResult result = await server.ReceiveAsync(new byte[100]);
        Assert.True(!result.IsOk, $"{result.Bytes} bytes came out of records without content");
        SocketStreamTests.CloseAll(client, server);
        choice.Retire();
    });

    private static TlsServerChoice Server() => new()
    {
        Certificate = s_server, ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots }, RequireClientCertificate = true,
    };

    private async Task<byte[]> HelloAsync(EventLoop loop)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        ValueTask<TlsHandshake> connecting = Connect(a, new TlsClientOptions { Certificate = s_client, AllowResumption = false });
        byte[] hello = new byte[4096];
        IoResult received = await b.ReceiveAsync(hello);
        b.Close();
        Assert.NotNull((await connecting).Failure);
        return hello[..received.Bytes];
    }
}

public sealed class LibsslHostilePeerTests() : HostilePeerTests(TlsEngine.Libssl);

public sealed class SslStreamHostilePeerTests() : HostilePeerTests(TlsEngine.SslStream);
