using System.Text;
using CsCheck;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Runtime.Buffers;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2.Hpack;

/// <summary>RFC 7541: the examples of appendix C, the limits, and that what is written is what is read.</summary>
public sealed class HpackTests
{
    private static readonly string[] s_names = [":path", "server", "cookie", "x-a", "x-b", "content-type", "authorization"];

    [Theory]
    [InlineData("C.1.1", 5, 10, "0a")]
    [InlineData("C.1.2", 5, 1337, "1f9a0a")]
    [InlineData("C.1.3", 8, 42, "2a")]
    public void Integer_RfcExamples_BothWays(string section, int prefix, int value, string hex)
    {
        byte[] buffer = new byte[HpackInteger.BytesMax];
        int written = HpackInteger.Write(buffer, 0, prefix, value);
        Assert.True(Convert.ToHexStringLower(buffer.AsSpan(0, written)) == hex, section);
        int at = 0;
        Assert.True(HpackInteger.TryRead(buffer.AsSpan(0, written), ref at, prefix, out int read));
        Assert.Equal((value, written), (read, at));
    }

    [Theory]
    [InlineData("ends inside", "1f9a")]
    [InlineData("too large", "1fffffffff7f")]
    [InlineData("does not end", "1f8080808080808080")]
    public void Integer_OutOfRange_IsRefused(string label, string hex)
    {
        int at = 0;
        Assert.False(HpackInteger.TryRead(Convert.FromHexString(hex), ref at, 5, out _), label);
    }

    // Appendices C.3 (literals) and C.4 (Huffman): three requests on one connection.
    [Theory]
    [InlineData("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")]
    [InlineData("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")]
    public void Requests_AppendixC_DecodeWithTable(params string[] blocks)
    {
        var decoder = new HpackDecoder(new BufferPool(), 4096);
        Assert.Equal(":method=GET :scheme=http :path=/ :authority=www.example.com", Decode(decoder, blocks[0]));
        Assert.Equal(57, decoder.Table.Size);
        Assert.Equal(":method=GET :scheme=http :path=/ :authority=www.example.com cache-control=no-cache", Decode(decoder, blocks[1]));
        Assert.Equal(110, decoder.Table.Size);
        Assert.Equal(":method=GET :scheme=https :path=/index.html :authority=www.example.com custom-key=custom-value", Decode(decoder, blocks[2]));
        Assert.Equal(164, decoder.Table.Size);
    }

    // Appendix C.6: responses with a table of 256 bytes, so that entries are evicted.
    [Fact]
    public void Responses_AppendixC6_Evict()
    {
        var decoder = new HpackDecoder(new BufferPool(), 256);
        const string Rest = " cache-control=private date=Mon, 21 Oct 2013 20:13:21 GMT location=https://www.example.com";
        Assert.Equal(":status=302" + Rest, Decode(
            decoder, "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"));
        Assert.Equal(222, decoder.Table.Size);
        Assert.Equal(":status=307" + Rest, Decode(decoder, "4883640effc1c0bf"));
        Assert.Equal(222, decoder.Table.Size);
        Assert.Equal(
            ":status=200 cache-control=private date=Mon, 21 Oct 2013 20:13:22 GMT location=https://www.example.com content-encoding=gzip "
            + "set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            Decode(decoder, "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"));
        Assert.Equal(215, decoder.Table.Size);
    }

    [Theory]
    [InlineData("index 0 (6.1)", "80")]
    [InlineData("index beyond both tables (2.3.3)", "fe")]
    [InlineData("string longer than the block (5.2)", "000a61")]
    [InlineData("Huffman padding of zeros (5.2)", "00016182f100")]
    [InlineData("Huffman padding of 8 bits (5.2)", "00016182fffff")]
    [InlineData("EOS in a string (5.2)", "00016184ffffffff")]
    [InlineData("size update after a field (4.2)", "8220")]
    [InlineData("size update above the limit (6.3)", "3fe2ff03")]
    public void Block_Malformed_IsRefused(string label, string hex)
    {
        byte[] block = Convert.FromHexString(hex.Length % 2 == 0 ? hex : hex + "f");
        Assert.False(new HpackDecoder(new BufferPool(), 4096).TryDecode(block, new Collector()), label);
    }

    [Fact]
    public void Huffman_EverySymbol_RoundTrips()
    {
        byte[] all = new byte[256];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = (byte)i;
        }

        byte[] coded = new byte[HuffmanCode.EncodedLength(all)];
        Assert.Equal(coded.Length, HuffmanCode.Encode(all, coded));
        byte[] decoded = new byte[HuffmanCode.DecodedBytesMax(coded.Length)];
        Assert.True(HuffmanCode.TryDecode(coded, decoded, out int written));
        Assert.Equal(all, decoded.AsSpan(0, written).ToArray());
    }

    [Fact]
    public void Fields_AnySequence_IsReadAsWritten()
    {
        Gen<(string, string)> field = Gen.Select(
            Gen.Int[0, 6].Select(static i => s_names[i]),
            Gen.String[Gen.Char['a', 'z'], 0, 300]);
        Gen.Select(field.Array[1, 40].Array[1, 8], Gen.Bool, Gen.Int[0, 4096]).Sample((messages, huffman, capacity) =>
        {
            var encoder = new HpackEncoder(huffman);
            encoder.SetCapacity((uint)capacity);
            var decoder = new HpackDecoder(new BufferPool(), 4096);
            foreach ((string, string)[] message in messages)
            {
                byte[] block = new byte[64 * 1024];
                int at = encoder.Begin(block);
                var expected = new StringBuilder();
                foreach ((string name, string value) in message)
                {
                    byte[] bytes = Encoding.ASCII.GetBytes(name);
                    at += encoder.Field(block.AsSpan(at), WellKnownHeaders.Find(bytes), bytes, Encoding.ASCII.GetBytes(value));
                    expected.Append(' ').Append(name).Append('=').Append(value);
                }

                Assert.Equal(expected.ToString().TrimStart(), Decode(decoder, Convert.ToHexString(block.AsSpan(0, at))));
                Assert.Equal(encoder.Table.Size, decoder.Table.Size);
            }
        });
    }

    [Fact]
    public void Block_AnyBytes_EndsInOneOfTwoWays() => Gen.Byte.Array[0, 200].Sample(static block =>
    {
        var pool = new BufferPool();
        _ = new HpackDecoder(pool, 4096).TryDecode(block, new Collector());
        Assert.Equal(0, pool.RentedCount);
    });

    private static string Decode(HpackDecoder decoder, string hex)
    {
        var sink = new Collector();
        Assert.True(decoder.TryDecode(Convert.FromHexString(hex), sink));
        return sink.Text.ToString().TrimStart();
    }

    private sealed class Collector : IHpackSink
    {
        public StringBuilder Text { get; } = new();

        public void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            Text.Append(' ').Append(Encoding.Latin1.GetString(name)).Append('=').Append(Encoding.Latin1.GetString(value));
    }
}
