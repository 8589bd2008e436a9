using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>Chunked bodies, cut anywhere, against the slow reader.</summary>
public sealed class ChunkedFuzzTests
{
    private static readonly Mutator s_bodies = new(
        "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
        "00A;ext=\"v\"\r\n0123456789\r\n0;x\r\nX-T: v\r\nX-U:\tw\r\n\r\nrest",
        "1\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n",
        "fffffffffffffff\r\nabc",
        "0\r\n\r\n");

    internal static FuzzTarget Bodies { get; } = new("chunked", s_bodies.Make, Check);

    [Fact]
    public void Body_AnyBytesInAnyPieces_IsReadAsTheGrammarSays() => FuzzRun.Run(Bodies);

    private static void Check(byte[] input, Random random)
    {
        (string? data, int length) = SlowHttp.Chunked(Encoding.Latin1.GetString(input));
        var decoder = BodyDecoder.For(BodyKind.Chunked, 0);
        var trailers = new HeaderMap();
        var body = new StringBuilder();
        int at = 0;
        int end = random.Next(input.Length + 1);
        DecodeStatus status;
        while (true)
        {
            status = decoder.Step(
                input.AsSpan(at, end - at), trailers, Http1Limits.Request, out int consumed, out ReadOnlySpan<byte> part, out _);
            body.Append(Encoding.Latin1.GetString(part));
            at += consumed;
            if (status == DecodeStatus.NeedMore && end < input.Length)
            {
                end = random.Next(end + 1, input.Length + 1);
            }
            else if (status != DecodeStatus.Data)
            {
                break;
            }
        }

        DecodeStatus expected = data is null ? DecodeStatus.Invalid : length == 0 ? DecodeStatus.NeedMore : DecodeStatus.End;
        Assert.Equal(expected, status);
        if (status == DecodeStatus.End)
        {
            Assert.Equal((data, length), (body.ToString(), at));
        }
    }
}
