using System.Text;
using CsCheck;
using Pilotfish.Proxy.Filters.GrpcWeb;

namespace Pilotfish.Proxy.Tests.Filters.GrpcWeb;

public sealed class WebTextTests
{
    [Theory]
    [InlineData("AAAAAAA=", "\0\0\0\0\0")]
    [InlineData("AAAAAAA=AAAAAAFh", "\0\0\0\0\0\0\0\0\0\u0001a")]
    [InlineData("YQ==YQ==", "aa")]
    [InlineData("", "")]
    public void Decode_ValidText_GivesTheBytesAtEverySplit(string text, string expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int split = 0; split <= bytes.Length; split++)
        {
            var decoder = default(WebTextDecoder);
            byte[] output = new byte[64];
            Assert.True(decoder.TryDecode(bytes.AsSpan(0, split), output, out int first));
            Assert.True(decoder.TryDecode(bytes.AsSpan(split), output.AsSpan(first), out int second));
            Assert.True(decoder.IsComplete);
            Assert.Equal(expected, Encoding.Latin1.GetString(output, 0, first + second));
        }
    }

    [Theory]
    [InlineData("AA A")]
    [InlineData("A===")]
    [InlineData("=AAA")]
    [InlineData("AA=A")]
    [InlineData("AB==")]
    [InlineData("AAB=")]
    [InlineData("AA-_")]
    public void Decode_WrongText_IsRefused(string text)
    {
        var decoder = default(WebTextDecoder);
        Assert.False(decoder.TryDecode(Encoding.ASCII.GetBytes(text), new byte[64], out _));
    }

    [Theory]
    [InlineData("A")]
    [InlineData("AAA")]
    [InlineData("AAAAA=")]
    public void Decode_TextThatStopsWithinAQuantum_IsNotComplete(string text)
    {
        var decoder = default(WebTextDecoder);
        decoder.TryDecode(Encoding.ASCII.GetBytes(text), new byte[64], out _);
        Assert.False(decoder.IsComplete);
    }

    [Fact]
    public void Encode_AnySplitOfAnyMessages_EachMessageIsPaddedBase64OfItsOwn()
    {
        Gen.Select(Gen.Byte.Array[0, 40].Array[0, 6], Gen.Int[0, 300].Array[0, 4]).Sample((messages, cuts) =>
        {
            var body = new List<byte>();
            string expected = "";
            foreach (byte[] message in messages)
            {
                byte[] frame = [0, 0, 0, 0, (byte)message.Length, .. message];
                body.AddRange(frame);
                expected += Convert.ToBase64String(frame);
            }

            var encoder = default(WebTextEncoder);
            string text = "";
            int from = 0;
            foreach (int cut in cuts.Select(cut => Math.Min(cut, body.Count)).Append(body.Count).Order())
            {
                byte[] piece = [.. body[from..cut]];
                byte[] output = new byte[WebTextEncoder.RoomFor(piece.Length)];
                text += Encoding.ASCII.GetString(output, 0, encoder.Encode(piece, output));
                from = cut;
            }

            Assert.Equal(0, encoder.Finish(new byte[16]));
            Assert.Equal(expected, text);
        });
    }

    [Fact]
    public void Encode_BodyThatEndsWithinAMessage_RestIsPadded()
    {
        var encoder = default(WebTextEncoder);
        byte[] output = new byte[64];
        int written = encoder.Encode([0, 0, 0, 0, 9, 1, 2], output);
        written += encoder.Finish(output.AsSpan(written));
        Assert.Equal(Convert.ToBase64String([0, 0, 0, 0, 9, 1, 2]), Encoding.ASCII.GetString(output, 0, written));
    }
}
