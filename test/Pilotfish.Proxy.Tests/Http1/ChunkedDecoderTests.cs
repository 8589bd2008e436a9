using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http1;

public sealed class ChunkedDecoderTests
{
    [Fact]
    public void Chunks_SplitAtEveryOffset_GiveTheSameBody()
    {
        const string Message = "3\r\nabc\r\nA;ext=\"1\"\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n";
        for (int split = 0; split <= Message.Length; split++)
        {
            (DecodeStatus status, string body, int used, HeaderMap trailers) = Decode(Message + "NEXT", split);
            Assert.Equal(DecodeStatus.End, status);
            Assert.Equal("abc0123456789", body);
            Assert.Equal(Message.Length, used);
            Assert.True(trailers.TryGet("x-t"u8, out _));
        }
    }

    [Theory]
    [InlineData("no digits", "\r\n")]
    [InlineData("sign", "-1\r\n")]
    [InlineData("prefix", "0x3\r\nabc\r\n")]
    [InlineData("overflow", "FFFFFFFFFFFFFFFFF\r\n")]
    [InlineData("bare LF after size", "3\nabc\r\n")]
    [InlineData("missing CRLF after data", "3\r\nabcd\r\n")]
    [InlineData("bare LF after data", "3\r\nabc\n0\r\n\r\n")]
    [InlineData("bare LF at the end", "0\r\n\n")]
    [InlineData("NUL in extension", "3;\0\r\nabc\r\n")]
    [InlineData("folded trailer", "0\r\nA: b\r\n c\r\n\r\n")]
    [InlineData("space in size", "3 x\n")]
    public void Chunks_Malformed_AreRefusedAtEverySplit(string label, string message)
    {
        for (int split = 0; split <= message.Length; split++)
        {
            (DecodeStatus status, _, _, _) = Decode(message, split);
            Assert.True(status == DecodeStatus.Invalid, $"{label}, split at {split}");
        }
    }

    private static (DecodeStatus Status, string Body, int Used, HeaderMap Trailers) Decode(string message, int split)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(message);
        var decoder = BodyDecoder.For(BodyKind.Chunked, 0);
        var trailers = new HeaderMap();
        var body = new StringBuilder();
        int at = 0;
        int end = split;
        while (true)
        {
            DecodeStatus status = decoder.Step(
                bytes.AsSpan(at, end - at), trailers, Http1Limits.Request, out int consumed, out ReadOnlySpan<byte> data, out _);
            body.Append(Encoding.Latin1.GetString(data));
            at += consumed;
            if (status == DecodeStatus.NeedMore && end < bytes.Length)
            {
                end = bytes.Length;
            }
            else if (status != DecodeStatus.Data)
            {
                return (status, body.ToString(), at, trailers);
            }
        }
    }
}
