using System.Buffers.Binary;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// A connection's frames behind the preface, whole and in two pieces: the proxy ends both in the same way, answers in well-formed frames,
/// never sends more than the windows allow, and keeps nothing.
/// </summary>
public sealed class Http2FrameFuzzTests
{
    // What the peer allows the proxy before it changes its settings; answers here are a few bytes.
    private const int InitialWindow = 65535;

    private static readonly byte[][] s_frames =
    [
        Http2Peer.Frame(FrameType.SETTINGS, 0, 0),
        Http2Peer.Frame(FrameType.SETTINGS, 0, 0, 0, 4, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0),
        Http2Peer.Frame(FrameType.SETTINGS, FrameFlags.ACK, 0),
        Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, 1, Convert.FromHexString("828684410161")),
        Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS, 3, Convert.FromHexString("838684410161")),
        Http2Peer.Frame(FrameType.HEADERS, FrameFlags.PADDED | FrameFlags.PRIORITY | FrameFlags.END_STREAM, 5,
            [2, 0, 0, 0, 0, 16, .. Convert.FromHexString("8286"), 0, 0]),
        Http2Peer.Frame(FrameType.CONTINUATION, FrameFlags.END_HEADERS, 5, Convert.FromHexString("84410161")),
        Http2Peer.Frame(FrameType.DATA, FrameFlags.END_STREAM, 3, "body"u8.ToArray()),
        Http2Peer.Frame(FrameType.DATA, FrameFlags.PADDED, 3, [3, .. "part"u8, 0, 0, 0]),
        Http2Peer.Frame(FrameType.PING, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
        Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, 0, 0, 1, 0),
        Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 3, 0x7f, 0xff, 0xff, 0xff),
        Http2Peer.Frame(FrameType.RST_STREAM, 0, 3, 0, 0, 0, 8),
        Http2Peer.Frame(FrameType.PRIORITY, 0, 7, 0, 0, 0, 3, 15),
        Http2Peer.Frame(FrameType.GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        Http2Peer.Frame((FrameType)0x2b, 0, 9, 1, 2, 3),
    ];

    internal static FuzzTarget Frames { get; } = new("h2-frames", Make, Check);

    [Fact]
    public void Frames_AnyBytes_EndTheSameWayHoweverTheyAreCut() => FuzzRun.Run(Frames);

    private static void Check(byte[] input, Random random)
    {
        Outcome whole = Play(input, input.Length);
        Outcome cut = Play(input, random.Next(input.Length + 1));
        Assert.Equal(whole.GoAway, cut.GoAway);
        Assert.Equal(whole.PingAnswers, cut.PingAnswers);
    }

    private static Outcome Play(byte[] input, int split)
    {
        Outcome outcome = default;
        LoopRunner.Run(new ManualLoopClock(), async loop =>
        {
            var bench = new ProxyBench(loop);
            bench.Serve(static hcm => { hcm.HttpFilters.RemoveAt(0); hcm.AccessLog.Clear(); }, static route =>
                route.DirectResponse = new DirectResponseAction { Status = 200, Body = new() { InlineString = "answer" } });
            IByteStream client = bench.Connect().Stream;
            await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
            await client.SendAsync(input.AsMemory(0, split));
            await loop.YieldAsync();
            await client.SendAsync(input.AsMemory(split));
            await loop.YieldAsync();
            await loop.YieldAsync();
            outcome = Read(await DrainAsync(client, loop));
            client.Close();
            LoopRunner.Turn(loop, () => bench.AllConnectionsFinished);
            Assert.Equal(0, loop.Buffers.RentedCount);
        });
        return outcome;
    }

    /// <summary>What the proxy has written by now; nobody waits for more.</summary>
    private static async Task<byte[]> DrainAsync(IByteStream client, EventLoop loop)
    {
        var all = new List<byte>();
        byte[] buffer = new byte[64 * 1024];
        while (client.TryReceive(buffer) is { IsOk: true, IsEnd: false } result)
        {
            all.AddRange(buffer[..result.Bytes]);
            await loop.YieldAsync();
        }

        return [.. all];
    }

    private static Outcome Read(byte[] bytes)
    {
        var outcome = default(Outcome);
        int sent = 0;
        for (int at = 0; at < bytes.Length;)
        {
            Assert.True(FrameHeader.TryRead(bytes.AsSpan(at), out FrameHeader header), "The proxy sent a part of a frame.");
            Assert.InRange(header.Length, 0, FrameHeader.PayloadBytesDefault);
            at += FrameHeader.Bytes + header.Length;
            Assert.True(at <= bytes.Length, "The proxy sent a part of a frame.");
            switch (header.Type)
            {
                case FrameType.DATA:
                    Assert.InRange(sent += header.Length, 0, InitialWindow);
                    Assert.NotEqual(0, header.StreamId);
                    break;
                case FrameType.GOAWAY:
                    outcome.GoAway = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at - header.Length + 4));
                    break;
                case FrameType.PING when header.Has(FrameFlags.ACK):
                    outcome.PingAnswers++;
                    break;
                default:
                    Assert.True(Enum.IsDefined(header.Type), "The proxy sent a frame of unknown type.");
                    break;
            }
        }

        return outcome;
    }

    private static byte[] Make(Random random)
    {
        var bytes = new List<byte>(s_frames[0]);
        for (int i = random.Next(8); i > 0; i--)
        {
            bytes.AddRange(s_frames[random.Next(s_frames.Length)]);
        }

        for (int i = random.Next(4); i > 0; i--)
        {
            bytes[random.Next(bytes.Count)] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? [.. bytes.Take(random.Next(bytes.Count + 1))] : [.. bytes];
    }

    private record struct Outcome
    {
        /// <summary>Null while the connection lives.</summary>
        public Http2ErrorCode? GoAway { get; set; }

        public int PingAnswers { get; set; }
    }
}
