using CsCheck;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Testing;

namespace Pilotfish.Api.Tests.Messages;

public sealed class JsonPrinterTests
{
    [Fact]
    public void Message_PrintsAsProto3Json()
    {
        var cluster = new Cluster
        {
            Name = "a",
            ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(1500)),
            LbPolicy = Cluster.Types.LbPolicy.Random,
            PerConnectionBufferLimitBytes = 0,
        };

        Assert.Equal(
            """{"name":"a","connectTimeout":"1.500s","perConnectionBufferLimitBytes":0,"lbPolicy":"RANDOM"}""",
            Ordered(JsonPrinter.Print(cluster)));
        Assert.Contains("\"connect_timeout\": \"1.500s\"", JsonPrinter.Print(cluster, JsonPrintOptions.EnvoyAdmin), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_OfAnUnknownType_PrintsItsBytes()
    {
        var any = new Any { TypeUrl = "type.googleapis.com/no.such.Type", Value = ByteString.CopyFrom(1, 2) };

        Assert.Equal("""{"@type":"type.googleapis.com/no.such.Type","value":"AQI="}""", JsonPrinter.Print(any));
    }

    [Fact]
    public void Any_WithBrokenBytes_PrintsThem()
    {
        var any = new Any { TypeUrl = "type.googleapis.com/google.protobuf.Duration", Value = ByteString.CopyFrom(0xFF) };

        Assert.Equal("""{"@type":"type.googleapis.com/google.protobuf.Duration","value":"/w=="}""", JsonPrinter.Print(any));
    }

    [Theory]
    [MemberData(nameof(MessageReaderTests.Bootstraps), MemberType = typeof(MessageReaderTests))]
    public void RecordedBootstrap_PrintsAndReadsBackEqual(string file)
    {
        string text = File.ReadAllText(Path.Combine(ConformanceData.Folder("bootstrap"), file));
        Bootstrap bootstrap = MessageReader.Parse<Bootstrap>(text, file).Message!;

        foreach (JsonPrintOptions options in new[] { JsonPrintOptions.Compact, JsonPrintOptions.EnvoyAdmin })
        {
            ReadResult<Bootstrap> again = MessageReader.Parse<Bootstrap>(JsonPrinter.Print(bootstrap, options), "printed");
            Assert.Empty(again.Errors);
            Assert.Equal(bootstrap, again.Message);
        }
    }

    [Fact]
    public void AnyValue_PrintsAndReadsBackEqual()
    {
        Gen<Value> leaf = Gen.OneOf(
            Gen.Double.Where(double.IsFinite).Select(Value.ForNumber),
            Gen.String[Gen.Char['\u0001', '\u04FF'], 0, 20].Select(Value.ForString),
            Gen.Bool.Select(Value.ForBool),
            Gen.Const(0).Select(_ => Value.ForNull()));
        Gen<Value> tree = Nested(Nested(leaf));
        Gen.Select(tree, Gen.Long[-315_576_000_000, 315_576_000_000], Gen.Int[0, 999_999_999], Gen.Byte.Array[0, 20]).Sample(
            (value, seconds, nanos, bytes) =>
            {
                var metadata = new Metadata();
                metadata.FilterMetadata["s"] = new Struct { Fields = { ["v"] = value } };
                metadata.TypedFilterMetadata["d"] = Any.Pack(new Duration { Seconds = seconds, Nanos = seconds < 0 ? -nanos : nanos });
                metadata.TypedFilterMetadata["b"] = Any.Pack(new DataSource { InlineBytes = ByteString.CopyFrom(bytes) });
                ReadResult<Metadata> again = MessageReader.Parse<Metadata>(JsonPrinter.Print(metadata), "f");
                Assert.Empty(again.Errors);
                Assert.Equal(metadata, again.Message);
            },
            iter: 500);
    }

    private static Gen<Value> Nested(Gen<Value> inner) => Gen.OneOf(
        inner,
        inner.Array[0, 3].Select(items => Value.ForList(items)),
        Gen.Select(Gen.String[Gen.Char['a', 'z'], 1, 4], inner).Array[0, 3].Select(pairs =>
        {
            var structure = new Struct();
            foreach ((string key, Value value) in pairs)
            {
                structure.Fields[key] = value;
            }

            return Value.ForStruct(structure);
        }));

    // Fields print in the order of their numbers; this test names them in the order it cares for.
    private static string Ordered(string json)
    {
        string[] parts = json.Trim('{', '}').Split(',');
        string[] order = ["name", "connectTimeout", "perConnectionBufferLimitBytes", "lbPolicy"];
        return "{" + string.Join(',', parts.OrderBy(p => System.Array.FindIndex(order, o => p.StartsWith($"\"{o}\"", StringComparison.Ordinal)))) + "}";
    }
}
