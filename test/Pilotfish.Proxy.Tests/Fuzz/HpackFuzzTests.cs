using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>Header blocks against the slow reader: two on one connection, so that the second sees the table that the first left.</summary>
public sealed class HpackFuzzTests
{
    private const int Capacity = 4096;

    private static readonly byte[][] s_blocks =
    [
        Convert.FromHexString("828684410f7777772e6578616d706c652e636f6d"),
        Convert.FromHexString("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
        Convert.FromHexString("828684418cf1e3c2e5f23a6ba0ab90f4ff"),
        Convert.FromHexString("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"),
        Convert.FromHexString("3fe11f82bebfc0"),
        Convert.FromHexString("20100a70617373776f726406736563726574"),
    ];

    internal static FuzzTarget Blocks { get; } = new("hpack", Make, Check);

    [Fact]
    public void Blocks_AnyBytes_AreReadAsTheSpecificationSays() => FuzzRun.Run(Blocks);

    private static void Check(byte[] input, Random random)
    {
        var pool = new BufferPool();
        var decoder = new HpackDecoder(pool, Capacity);
        var slow = new SlowHpack(Capacity);
        int split = random.Next(input.Length + 1);
        foreach (byte[] block in (byte[][])[input[..split], input[split..]])
        {
            var sink = new Collector();
            bool ok = decoder.TryDecode(block, sink);
            List<(string Name, string Value)>? expected = slow.Decode(block);
            Assert.Equal(expected is not null, ok);
            Assert.Equal(0, pool.RentedCount);
            if (expected is null)
            {
                return;
            }

            Assert.Equal(expected, sink.Fields);
            Assert.Equal(slow.Size, decoder.Table.Size);
            Assert.InRange(decoder.Table.Size, 0, Capacity);
            CheckRoundTrip(expected);
        }
    }

    // Whatever was read is written and read again as the same.
    private static void CheckRoundTrip(List<(string Name, string Value)> fields)
    {
        var encoder = new HpackEncoder(huffman: true);
        byte[] block = new byte[HpackEncoder.BlockOverheadMax + fields.Sum(static f => (4 * (f.Name.Length + f.Value.Length)) + 64)];
        int at = encoder.Begin(block);
        foreach ((string name, string value) in fields)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(name);
            at += encoder.Field(block.AsSpan(at), WellKnownHeaders.Find(bytes), bytes, Encoding.Latin1.GetBytes(value));
        }

        var sink = new Collector();
        Assert.True(new HpackDecoder(new BufferPool(), Capacity).TryDecode(block.AsSpan(0, at), sink));
        Assert.Equal(fields, sink.Fields);
    }

    private static byte[] Make(Random random)
    {
        var bytes = new List<byte>();
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            bytes.AddRange(s_blocks[random.Next(s_blocks.Length)]);
        }

        for (int i = random.Next(4); i > 0; i--)
        {
            bytes[random.Next(bytes.Count)] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? [.. bytes.Take(random.Next(bytes.Count + 1))] : [.. bytes];
    }

    private sealed class Collector : IHpackSink
    {
        public List<(string Name, string Value)> Fields { get; } = [];

        public void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            Assert.Equal(WellKnownHeaders.Find(name), known);
            Fields.Add((Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
        }
    }
}
