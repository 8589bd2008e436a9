using System.Security.Cryptography;
using Envoy.Config.Cluster.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class DiscoveryResponseReaderTests
{
    private static readonly ResourceType s_type = ResourceType.Cluster;

    [Fact]
    public void Delta_SplitAtEveryByte_IsTheSame()
    {
        byte[] bytes = Delta().ToByteArray();
        for (int split = 0; split <= bytes.Length; split++)
        {
            var pool = new BufferPool();
            var reader = new DiscoveryResponseReader(isDelta: true, pool);
            Assert.True(reader.Read(bytes.AsSpan(0, split)));
            Assert.True(reader.Read(bytes.AsSpan(split)));
            AssertDelta(reader.Finish(out string? problem), problem);
            Assert.Equal(0, pool.RentedCount);
        }
    }

    [Fact]
    public void Delta_ByteByByte_IsTheSame_AndTheReaderReadsTheNext()
    {
        byte[] bytes = Delta().ToByteArray();
        var reader = new DiscoveryResponseReader(isDelta: true, new BufferPool());
        for (int round = 0; round < 2; round++)
        {
            foreach (byte one in bytes)
            {
                Assert.True(reader.Read([one]));
            }

            AssertDelta(reader.Finish(out string? problem), problem);
        }
    }

    [Fact]
    public void StateOfTheWorld_PlainAndWrapped_HaveNamesAndTheResponsesVersion()
    {
        DiscoveryResponse response = new() { TypeUrl = s_type.TypeUrl, VersionInfo = "7", Nonce = "n" };
        response.Resources.Add(Packed("a", 10));
        response.Resources.Add(new Any
        {
            TypeUrl = "type.googleapis.com/envoy.service.discovery.v3.Resource",
            Value = new Resource { Name = "b", Version = "ignored", Resource_ = Packed("b", 10) }.ToByteString(),
        });
        response.ControlPlane = new Envoy.Config.Core.V3.ControlPlane { Identifier = "cp" };

        DiscoveryArrival arrival = Arrivals.Of(response);
        List<RejectedResource> rejected = [];
        List<ArrivedResource> taken = arrival.Take(s_type, rejected);

        Assert.Empty(rejected);
        Assert.Equal(["a@7", "b@7"], taken.Select(static r => $"{r.Name}@{r.Version}"));
        Assert.Equal(("n", "7", s_type.TypeUrl), (arrival.Nonce, arrival.Version, arrival.TypeUrl));
        Assert.Empty(arrival.Removed);
    }

    [Fact]
    public void Words_BehindTheResources_AreHeeded()
    {
        // Fields may come in any order, and the last of several counts.
        byte[] bytes =
        [
            .. new DiscoveryResponse { Resources = { Packed("a", 1) } }.ToByteArray(),
            .. new DiscoveryResponse { Nonce = "old", VersionInfo = "old" }.ToByteArray(),
            .. new DiscoveryResponse { Nonce = "new", VersionInfo = "new", TypeUrl = s_type.TypeUrl }.ToByteArray(),
        ];
        var reader = new DiscoveryResponseReader(isDelta: false, new BufferPool());
        Assert.True(reader.Read(bytes));

        DiscoveryArrival arrival = reader.Finish(out _)!;

        Assert.Equal(("new", "new"), (arrival.Nonce, arrival.Version));
        Assert.Equal("new", Assert.Single(arrival.Take(s_type, [])).Version);
    }

    [Fact]
    public void UnknownFields_OfEveryWireType_AreSteppedOver()
    {
        byte[] bytes =
        [
            .. new DeltaDiscoveryResponse { Nonce = "n" }.ToByteArray(),
            0xF8, 0x7F, 0x80, 0x80, 0x01, // field 2047, a number
            0xF9, 0x7F, 1, 2, 3, 4, 5, 6, 7, 8, // eight bytes
            0xFD, 0x7F, 1, 2, 3, 4, // four bytes
            0xFA, 0x7F, 3, (byte)'x', (byte)'y', (byte)'z', // bytes
            0xFA, 0x7F, 0, // none
            .. new DeltaDiscoveryResponse { TypeUrl = s_type.TypeUrl }.ToByteArray(),
        ];
        for (int split = 0; split <= bytes.Length; split++)
        {
            var reader = new DiscoveryResponseReader(isDelta: true, new BufferPool());
            Assert.True(reader.Read(bytes.AsSpan(0, split)) && reader.Read(bytes.AsSpan(split)));
            DiscoveryArrival? arrival = reader.Finish(out string? problem);
            Assert.Null(problem);
            Assert.Equal(("n", s_type.TypeUrl), (arrival!.Nonce, arrival.TypeUrl));
        }
    }

    [Theory]
    [InlineData("a field number of 0", "00", "0 is no field's key")]
    [InlineData("a group", "0B", "wire type 3 does not exist")]
    [InlineData("a number without end", "08FFFFFFFFFFFFFFFFFFFF", "longer than ten bytes")]
    [InlineData("a resource of 32 GiB", "12FFFFFFFF7F", "field 2 has 34359738367 bytes")]
    [InlineData("a nonce of 1 MiB", "2A808040", "field 5 has 1048576 bytes")]
    [InlineData("the end within a key", "FA", "it ends within a field")]
    [InlineData("the end within a length", "12FF", "it ends within a field")]
    [InlineData("the end within a resource", "120341", "it ends within a field")]
    public void BytesThatAreNoResponse_AreRefusedWithTheReason(string what, string hex, string reason)
    {
        _ = what;
        var pool = new BufferPool();
        var reader = new DiscoveryResponseReader(isDelta: true, pool);
        reader.Read(Convert.FromHexString(hex));

        Assert.Null(reader.Finish(out string? problem));
        Assert.Contains(reason, problem, StringComparison.Ordinal);
        Assert.Equal(0, pool.RentedCount);
    }

    [Fact]
    public void ResourceThatCannotBeRead_IsRefusedByItsPlace_AndTheOthersStay()
    {
        byte[] bytes =
        [
            .. new DeltaDiscoveryResponse { Resources = { new Resource { Name = "a", Resource_ = Packed("a", 1) } } }.ToByteArray(),
            0x12, 2, 0x12, 9, // a Resource whose Any reaches beyond it
            .. new DeltaDiscoveryResponse { TypeUrl = s_type.TypeUrl }.ToByteArray(),
        ];
        var reader = new DiscoveryResponseReader(isDelta: true, new BufferPool());
        Assert.True(reader.Read(bytes));
        List<RejectedResource> rejected = [];

        Assert.Equal("a", Assert.Single(reader.Finish(out _)!.Take(s_type, rejected)).Name);
        Assert.Equal(("#1", "the bytes are not a valid message: a field of 9 bytes reaches beyond its end"), (rejected[0].Name, rejected[0].Reason));
    }

    [Fact]
    public void LargeResponse_IsHeldPacked()
    {
        // Compressible, as config is; 40 MiB in all.
        const int Count = 2_560;
        var pool = new BufferPool();
        var reader = new DiscoveryResponseReader(isDelta: true, pool);
        byte[] one = new DeltaDiscoveryResponse { Resources = { new Resource { Name = "a", Resource_ = Packed("a", 16 * 1024) } } }.ToByteArray();
        for (int i = 0; i < Count; i++)
        {
            Assert.True(reader.Read(one.AsSpan(0, 9_000)));
            Assert.True(reader.Read(one.AsSpan(9_000)));
        }

        DiscoveryArrival arrival = reader.Finish(out _)!;

        long kept = arrival.Items.Sum(static item => (long)item.Message!.KeptBytes);
        Assert.Equal(Count, arrival.Items.Count);
        Assert.InRange(kept, 1, DiscoveryResponseReader.PlainBytesMax + (Count * 1024));
        Assert.All(arrival.Items, static item => Assert.Equal(16 * 1024, Cluster.Parser.ParseFrom(item.Message!.Unpack()).AltStatName.Length));
    }

    [Fact]
    public void ResourceLargerThanAnyBuffer_IsReadWhole()
    {
        Cluster cluster = new() { Name = "large", AltStatName = Convert.ToHexString(RandomNumberGenerator.GetBytes(600_000)) };
        byte[] bytes = new DeltaDiscoveryResponse
        {
            Resources = { new Resource { Name = "large", Resource_ = new Any { TypeUrl = s_type.TypeUrl, Value = cluster.ToByteString() } } },
            TypeUrl = s_type.TypeUrl,
        }.ToByteArray();
        var pool = new BufferPool();
        var reader = new DiscoveryResponseReader(isDelta: true, pool);
        foreach (byte[] chunk in bytes.Chunk(16_384))
        {
            Assert.True(reader.Read(chunk));
        }

        Assert.Equal(cluster, Cluster.Parser.ParseFrom(Assert.Single(reader.Finish(out _)!.Take(s_type, [])).Message.Unpack()));
        Assert.Equal(0, pool.RentedCount);
    }

    [Fact]
    public void Heartbeat_WithoutAMessage_IsNoChange()
    {
        DiscoveryArrival arrival = Arrivals.Of(new DeltaDiscoveryResponse { Resources = { new Resource { Name = "a" } } });
        List<RejectedResource> rejected = [];

        Assert.Empty(arrival.Take(s_type, rejected));
        Assert.Empty(rejected);
    }

    private static DeltaDiscoveryResponse Delta() => new()
    {
        SystemVersionInfo = "v",
        TypeUrl = s_type.TypeUrl,
        Nonce = "nonce",
        Resources =
        {
            new Resource { Name = "a", Version = "1", Resource_ = Packed("a", 200), Aliases = { "other" } },
            new Resource { Name = "b", Version = "2", Resource_ = new Any { TypeUrl = "type.googleapis.com/x.Y" } },
            new Resource { Name = "c", Version = "3", Resource_ = Packed("c", 0) },
        },
        RemovedResources = { "gone", "" },
        ControlPlane = new Envoy.Config.Core.V3.ControlPlane { Identifier = "cp" },
    };

    private static void AssertDelta(DiscoveryArrival? arrival, string? problem)
    {
        Assert.Null(problem);
        List<RejectedResource> rejected = [];
        List<ArrivedResource> taken = arrival!.Take(s_type, rejected);
        Assert.Equal(["a@1", "c@3"], taken.Select(static r => $"{r.Name}@{r.Version}"));
        Assert.Equal(200, Cluster.Parser.ParseFrom(taken[0].Message.Unpack()).AltStatName.Length);
        Assert.Equal(("b", "its type is 'type.googleapis.com/x.Y' in a response of another type"), (rejected[0].Name, rejected[0].Reason));
        Assert.Equal(["gone", ""], arrival.Removed);
        Assert.Equal(("v", "nonce"), (arrival.Version, arrival.Nonce));
    }

    private static Any Packed(string name, int padding) => new()
    {
        TypeUrl = s_type.TypeUrl,
        Value = new Cluster { Name = name, AltStatName = new string('x', padding) }.ToByteString(),
    };
}
