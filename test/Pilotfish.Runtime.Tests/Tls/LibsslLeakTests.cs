using System.Runtime.InteropServices;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>That every native object is freed. It counts those of the whole process, so it runs alone.</summary>
[Collection(nameof(LibsslLeakTests))]
[CollectionDefinition(nameof(LibsslLeakTests), DisableParallelization = true)]
public sealed class LibsslLeakTests
{
    private const string ClientUri = "spiffe://cluster.local/ns/a/sa/client";

    private static readonly TestCertificates s_mesh = new();

    /// <summary>
    /// Sessions that succeed, are resumed, fail at each stage or are dropped. A leak grows with every one of them; what the runtime takes
    /// for itself meanwhile (code that it compiles anew, late on a busy machine) does not: one stretch without growth is enough.
    /// </summary>
    [Fact]
    public void Handshakes_ByTheThousand_LeaveNoNativeObjectBehind() => LoopRunner.Run(async loop =>
    {
        const int Warm = 400;
        const int Measured = 1000;
        const int Stretches = 8;
        const long BytesPerHandshakeMax = 200;
        var choice = new TlsServerChoice
        {
            Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server"),
            ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
            RequireClientCertificate = true,
        };
        var trusted = new TlsClientOptions { Certificate = s_mesh.Identity(ClientUri), ServerName = "leak.example" };
        var stranger = trusted with { Certificate = new TestCertificates("other").Identity(ClientUri) };
        await HandshakesAsync(loop, choice, trusted, stranger, Warm);

        // First what other tests left to the finalizers.
        long bytes = NativeBytes();
        (long connections, long contexts, long least) = (SslConnection.LiveCount, SslContext.LiveCount, long.MaxValue);
        for (int i = 0; i < Stretches && least > BytesPerHandshakeMax * Measured; i++)
        {
            await HandshakesAsync(loop, choice, trusted, stranger, Measured);
            long now = NativeBytes();
            (least, bytes) = (Math.Min(least, now - bytes), now);
        }

        Assert.InRange(SslConnection.LiveCount, 0, connections);
        Assert.InRange(SslContext.LiveCount, 1, contexts);
        Assert.InRange(least, long.MinValue, BytesPerHandshakeMax * Measured);
        Assert.Equal(0, loop.Buffers.RentedCount);
        contexts = SslContext.LiveCount;
        choice.Retire();
        Assert.InRange(SslContext.LiveCount, 0, contexts - 1);
    });

    private static async Task HandshakesAsync(
        EventLoop loop, TlsServerChoice choice, TlsClientOptions trusted, TlsClientOptions stranger, int count)
    {
        for (int i = 0; i < count; i++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
            int turn = i;
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => turn % 4 == 3 ? null : choice, TlsEngine.Libssl);
            TlsHandshake client = await TlsClientStream.ConnectAsync(a, i % 4 == 2 ? stranger : trusted, TlsEngine.Libssl);
            if (i % 8 == 1)
            {
                client.Stream?.Reset();
            }

            TlsHandshake server = await accepting;
            if (server.Stream is { } stream && client.Stream is { IsClosed: false } other)
            {
                await LibsslSessionTests.Exchange(stream, other, 100);
            }

            client.Stream?.Close();
            server.Stream?.Close();
        }
    }

    /// <summary>
    /// Handshakes that stop, each after its first byte, within the ClientHello, or when the server has answered: what they hold is bounded, and
    /// gone with them. Measured: 5.4, 5.4 and 47 KB, with both streams in memory.
    /// </summary>
    [Theory]
    [InlineData(1, 8)]
    [InlineData(200, 8)]
    [InlineData(int.MaxValue, 64)]
    public void HalfOpen_Handshakes_HoldBoundedMemory(int helloBytes, long kilobytesMax) => LoopRunner.Run(async loop =>
    {
        const int Count = 300;
        var choice = new TlsServerChoice { Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server") };
        byte[] hello = await LibsslSessionTests.HelloOf(loop, new TlsClientOptions());
        foreach ((IByteStream client, Task<TlsHandshake> accepting) in await StallAsync(4))
        {
            client.Close();
            await accepting;
        }

        long before = NativeBytes() + GC.GetTotalMemory(forceFullCollection: true);
        List<(IByteStream, Task<TlsHandshake>)> stalled = await StallAsync(Count);
        long each = (NativeBytes() + GC.GetTotalMemory(forceFullCollection: true) - before) / Count;
        Assert.InRange(each, 0, kilobytesMax * 1024);
        foreach ((IByteStream client, Task<TlsHandshake> accepting) in stalled)
        {
            client.Close();
            Assert.Null((await accepting).Stream);
        }

        Assert.Equal(0, loop.Buffers.RentedCount);
        choice.Retire();

        async Task<List<(IByteStream, Task<TlsHandshake>)>> StallAsync(int count)
        {
            var pairs = new List<(IByteStream, Task<TlsHandshake>)>();
            for (int i = 0; i < count; i++)
            {
                (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
                Task<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, TlsEngine.Libssl).AsTask();
                await a.SendAsync(hello.AsMemory(0, Math.Min(helloBytes, hello.Length)));
                if (helloBytes >= hello.Length)
                {
                    await a.ReceiveAsync(new byte[16 * 1024]);
                }
                else
                {
                    await loop.YieldAsync();
                }

                pairs.Add((a, accepting));
            }

            return pairs;
        }
    });

    /// <summary>What malloc has given out, in all arenas.</summary>
    private static long NativeBytes()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Mallinfo all = mallinfo2();
        return (long)(all.uordblks + all.hblkhd);
    }

    // struct mallinfo2 of malloc.h.
    [DllImport("libc")]
    private static extern Mallinfo mallinfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Mallinfo(
        nuint arena, nuint ordblks, nuint smblks, nuint hblks, nuint hblkhd, nuint usmblks, nuint fsmblks, nuint uordblks, nuint fordblks,
        nuint keepcost);
}
