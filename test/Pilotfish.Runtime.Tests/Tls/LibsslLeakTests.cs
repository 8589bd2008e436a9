using System.Runtime.InteropServices;
using Pilotfish.Runtime.Interop;
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

    /// <summary>Sessions that succeed, are resumed, fail at each stage or are dropped.</summary>
    [Fact]
    public void Handshakes_ByTheThousand_LeaveNoNativeObjectBehind() => LoopRunner.Run(async loop =>
    {
        const int Warm = 400;
        const int Measured = 2000;
        const long BytesPerHandshakeMax = 200;
        var choice = new TlsServerChoice
        {
            Certificate = s_mesh.Identity("spiffe://cluster.local/ns/a/sa/server"),
            ClientVerification = new TlsPeerVerification { Roots = s_mesh.Roots },
            RequireClientCertificate = true,
        };
        var trusted = new TlsClientOptions { Certificate = s_mesh.Identity(ClientUri), ServerName = "leak.example" };
        var stranger = trusted with { Certificate = new TestCertificates("other").Identity(ClientUri) };
        (long connections, long contexts, long bytes) = (0, 0, 0);
        for (int i = 0; i < Warm + Measured; i++)
        {
            if (i == Warm)
            {
                // First what other tests left to the finalizers.
                bytes = NativeBytes();
                (connections, contexts) = (SslConnection.LiveCount, SslContext.LiveCount);
            }

            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
            ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => i % 4 == 3 ? null : choice, TlsEngine.Libssl);
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

        Assert.InRange(SslConnection.LiveCount, 0, connections);
        Assert.InRange(SslContext.LiveCount, 1, contexts);
        Assert.InRange(NativeBytes() - bytes, long.MinValue, BytesPerHandshakeMax * Measured);
        Assert.Equal(0, loop.Buffers.RentedCount);
        contexts = SslContext.LiveCount;
        choice.Retire();
        Assert.InRange(SslContext.LiveCount, 0, contexts - 1);
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
