using System.Text;
using CsCheck;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http2.InternalServer;

/// <summary>Whatever a client sends, the server ends at most its connection, every call hears one end, and the next client is served.</summary>
public sealed class HostileGrpcClientTests
{
    private const int FramesMax = 12;

    private static readonly Gen<byte[]> s_frame =
        from type in Gen.Int[0, 10]
        from flags in Gen.Byte
        from id in Gen.OneOf(Gen.Const(0), Gen.Int[0, 9], Gen.Const(int.MaxValue))
        from payload in Gen.Byte.Array[0, 40]
        select Http2Peer.Frame((FrameType)type, (FrameFlags)flags, id, payload);

    private static readonly Gen<byte[]> s_body =
        from id in Gen.Int[0, 3]
        from end in Gen.Bool
        from text in Gen.OneOf(Gen.Const(GrpcServerBench.Message("enough")), Gen.Const(GrpcServerBench.Message("a")), Gen.Const("\0\0\0\0"), Gen.Const("\u0001"))
        select Http2Peer.Frame(FrameType.DATA, end ? FrameFlags.END_STREAM : 0, (2 * id) + 1, Encoding.Latin1.GetBytes(text));

    [Fact]
    public void AnyFrames_BetweenGoodCalls_HarmNobodyElse() =>
        Gen.OneOf(s_frame, s_body).Array[0, FramesMax].Sample(frames => LoopRunner.Run(async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            Http2Peer hostile = await bench.ConnectAsync();
            await hostile.HeadersAsync(1, end: false, GrpcServerBench.Head());
            await hostile.HeadersAsync(3, end: false, GrpcServerBench.Head());
            foreach (byte[] frame in frames)
            {
                await hostile.SendRawAsync(frame);
            }

            await loop.YieldAsync();
            hostile.Stream.Close();
            await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
            Assert.All(bench.Calls, static call => Assert.True(call.IsEnded));

            Http2Peer good = await bench.ConnectAsync();
            await good.HeadersAsync(1, end: false, GrpcServerBench.Head());
            await good.DataAsync(1, GrpcServerBench.Message("next"), end: true);
            await good.ReadHeadersAsync();
            Assert.Equal(GrpcServerBench.Message("next"), await good.ReadBodyAsync(11));
            good.Stream.Close();
        }), iter: 2000);

    [Fact]
    public void AnyBytes_InPlaceOfThePreface_EndTheConnection() => Gen.Byte.Array[1, 64].Sample(
        bytes => LoopRunner.Run(async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            IByteStream client = bench.ConnectRaw();
            await client.SendAsync(bytes);
            await loop.YieldAsync();
            client.Close();
            await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
            Assert.Empty(bench.Calls);
        }), iter: 500);
}
