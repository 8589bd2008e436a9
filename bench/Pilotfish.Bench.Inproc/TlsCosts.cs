using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Runtime.InteropServices;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// What TLS costs per engine, over streams in memory: mutual handshakes in full and resumed, and an exchange of a request of 600 bytes
/// against a response of 1.2 KB in two pieces, as head and body; and what a pair of idle sessions holds. The first client is libssl's for
/// both servers, so these rows differ by their servers alone; the last rows have SslStream on both sides.
/// </summary>
internal sealed class TlsCosts(EventLoop loop)
{
    private const int RequestBytes = 600;
    private const int HeadBytes = 200;
    private const int BodyBytes = 1024;

    private readonly TestCertificates _mesh = new();
    private readonly byte[] _request = new byte[RequestBytes];
    private readonly byte[] _head = new byte[HeadBytes];
    private readonly byte[] _body = new byte[BodyBytes];
    private readonly byte[] _received = new byte[16 * 1024];
    private bool _warm;

    /// <param name="rounds">Of each row; the least counts.</param>
    /// <param name="only">`exchange` leaves all other rows out, for profiles.</param>
    public void Run(int rounds, string? only = null)
    {
        foreach ((TlsEngine server, TlsEngine client) in (ReadOnlySpan<(TlsEngine, TlsEngine)>)
            [(TlsEngine.SslStream, TlsEngine.Libssl), (TlsEngine.Libssl, TlsEngine.Libssl), (TlsEngine.SslStream, TlsEngine.SslStream)])
        {
            if (only == "exchange")
            {
                Print(server, client, "exchange", Exchanges(server, client, rounds));
                continue;
            }

            Print(server, client, "full handshake, TLS 1.3, mutual", Handshakes(server, client, rounds, resumes: false));
            Print(server, client, "resumed handshake, TLS 1.3, mutual", Handshakes(server, client, rounds, resumes: true));
            Print(server, client, "exchange of 600 bytes against 200 + 1,024", Exchanges(server, client, rounds));
            Print(server, client, "16 KiB one way", Bulk(server, client, rounds));
            Idle(server, client);
        }
    }

    private (double Nanoseconds, double Bytes) Handshakes(TlsEngine server, TlsEngine client, int rounds, bool resumes)
    {
        SslStreamCertificateContext serverIdentity = _mesh.Identity("spiffe://cluster.local/ns/a/sa/server");
        var choice = new TlsServerChoice
        {
            Certificate = serverIdentity,
            ClientVerification = new TlsPeerVerification { Roots = _mesh.Roots },
            RequireClientCertificate = true,
            Resumption = resumes ? TlsResumption.All : TlsResumption.None,
        };
        TlsClientOptions options = Options(resumes);
        const int PerRound = 4;
        return Least(rounds, PerRound, async () =>
        {
            for (int i = 0; i < PerRound; i++)
            {
                (TlsStream a, TlsStream b) = await ConnectAsync(server, client, choice, options);
                await b.SendAsync(_head);
                await a.ReceiveAsync(_received);
                if (resumes != b.Tls.IsResumed && _warm)
                {
                    throw new InvalidOperationException("The session was not of the kind that is measured.");
                }

                a.Close();
                b.Close();
            }
        });
    }

    private (double Nanoseconds, double Bytes) Exchanges(TlsEngine server, TlsEngine client, int rounds)
    {
        (TlsStream a, TlsStream b) = Connected(server, client);
        const int PerRound = 100;
        byte[] received = new byte[16 * 1024];
        return Least(rounds, PerRound, async () =>
        {
            for (int i = 0; i < PerRound; i++)
            {
                ValueTask<IoResult> waiting = b.ReceiveAsync(Memory<byte>.Empty);
                await a.SendAsync(_request);
                await waiting;
                IoResult got;
                while ((got = b.TryReceive(received)).IsWouldBlock)
                {
                    await b.ReceiveAsync(Memory<byte>.Empty);
                }

                await b.SendAsync(_head, _body);
                int answered = 0;
                while (answered < HeadBytes + BodyBytes)
                {
                    answered += (await a.ReceiveAsync(_received)).Bytes;
                }
            }
        });
    }

    private (double Nanoseconds, double Bytes) Bulk(TlsEngine server, TlsEngine client, int rounds)
    {
        const int Bytes = 16 * 1024;
        (TlsStream a, TlsStream b) = Connected(server, client);
        byte[] sent = new byte[Bytes];
        const int PerRound = 50;
        return Least(rounds, PerRound, async () =>
        {
            for (int i = 0; i < PerRound; i++)
            {
                Task sending = b.SendAsync(sent).AsTask();
                int got = 0;
                while (got < Bytes)
                {
                    got += (await a.ReceiveAsync(_received)).Bytes;
                }

                await sending;
            }
        });
    }

    /// <summary>Bytes per pair of sessions that exchanged something and wait now, as proxies wait: with an empty receive.</summary>
    private void Idle(TlsEngine server, TlsEngine client)
    {
        const int Pairs = 1000;
        var held = new List<(TlsStream, TlsStream)>();
        Add(100);
        long before = InUse();
        Add(Pairs);
        long after = InUse();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"server {server,-9} client {client,-9} {"bytes per idle pair",-44} {(after - before) / Pairs,10}"));
        foreach ((TlsStream a, TlsStream b) in held)
        {
            a.Close();
            b.Close();
        }

        loop.RunOnce();
        GC.KeepAlive(held);

        void Add(int count)
        {
            var choice = new TlsServerChoice { Certificate = _mesh.Identity("spiffe://cluster.local/ns/a/sa/server") };
            TlsClientOptions options = Options(resumes: false);
            for (int i = 0; i < count; i++)
            {
                Task<(TlsStream Client, TlsStream Server)> connecting = ConnectAsync(server, client, choice, options);
                Drive(connecting);
                (TlsStream a, TlsStream b) = connecting.GetAwaiter().GetResult();
                Drive(ExchangeOnceAsync(a, b));
                _ = a.ReceiveAsync(Memory<byte>.Empty).AsTask();
                _ = b.ReceiveAsync(Memory<byte>.Empty).AsTask();
                held.Add((a, b));
            }
        }

        // In use, not resident: both heaps keep what earlier rows gave back.
        static long InUse()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Mallinfo native = mallinfo2();
            return GC.GetTotalMemory(forceFullCollection: true) + (long)native.uordblks + (long)native.hblkhd;
        }
    }

    private async Task ExchangeOnceAsync(TlsStream a, TlsStream b)
    {
        await a.SendAsync(_request);
        await b.ReceiveAsync(_received);
        await b.SendAsync(_head);
        await a.ReceiveAsync(_received);
    }

    private (TlsStream Client, TlsStream Server) Connected(TlsEngine server, TlsEngine client)
    {
        var choice = new TlsServerChoice { Certificate = _mesh.Identity("spiffe://cluster.local/ns/a/sa/server") };
        Task<(TlsStream, TlsStream)> connecting = ConnectAsync(server, client, choice, Options(resumes: false));
        Drive(connecting);
        return connecting.GetAwaiter().GetResult();
    }

    private TlsClientOptions Options(bool resumes) => new()
    {
        ServerName = "server.example",
        Certificate = _mesh.Identity("spiffe://cluster.local/ns/a/sa/client"),
        ServerVerification = new TlsPeerVerification { Roots = _mesh.Roots },
        AllowResumption = resumes,
    };

    private async Task<(TlsStream Client, TlsStream Server)> ConnectAsync(
        TlsEngine server, TlsEngine client, TlsServerChoice choice, TlsClientOptions options)
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 32 * 1024);
        ValueTask<TlsHandshake> accepting = TlsServerStream.AcceptAsync(b, _ => choice, server);
        TlsHandshake connected = await TlsClientStream.ConnectAsync(a, options, client);
        TlsHandshake accepted = await accepting;
        return connected.Stream is { } ours && accepted.Stream is { } theirs
            ? (ours, theirs)
            : throw new InvalidOperationException($"{connected.Failure} {accepted.Failure}");
    }

    private (double Nanoseconds, double Bytes) Least(int rounds, int operations, Func<Task> round)
    {
        _warm = false;
        Drive(round());
        Drive(round());
        _warm = true;
        double least = double.MaxValue;
        long bytes = long.MaxValue;
        for (int i = 0; i < rounds; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            Drive(round());
            least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            bytes = Math.Min(bytes, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return (least / operations, (double)bytes / operations);
    }

    private void Drive(Task task)
    {
        while (!task.IsCompleted)
        {
            loop.RunOnce(waitMilliseconds: 20);
        }

        task.GetAwaiter().GetResult();
    }

    private static void Print(TlsEngine server, TlsEngine client, string what, (double Nanoseconds, double Bytes) cost) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"server {server,-9} client {client,-9} {what,-44} {cost.Nanoseconds,10:F0} ns {cost.Bytes,8:F0} bytes allocated"));

    // struct mallinfo2 of malloc.h.
    [DllImport("libc")]
    private static extern Mallinfo mallinfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Mallinfo(
        nuint arena, nuint ordblks, nuint smblks, nuint hblks, nuint hblkhd, nuint usmblks, nuint fsmblks, nuint uordblks, nuint fordblks,
        nuint keepcost);
}
