using CsCheck;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Tests.Messages.Shapes;

public sealed class StructConversionTests
{
    [Fact]
    public void ToStruct_EveryField_IsWhatTheJsonPrinterSays()
    {
        // Each alternative of each oneof once.
        for (int choice = 0; choice < 6; choice++)
        {
            var message = (ProxyConfig)Filled(ProxyConfig.Descriptor, choice, 0);
            Struct expected = MessageReader.Parse<Struct>(JsonPrinter.Print(message), "expected").Message!;
            Assert.Equal(expected, StructConversion.ToStruct(message, SidecarShapes.ProxyConfig));
        }
    }

    [Fact]
    public void Read_ByShape_IsWhatDescriptorsRead()
    {
        for (int choice = 0; choice < 6; choice++)
        {
            var message = (ProxyConfig)Filled(ProxyConfig.Descriptor, choice, 0);
            string json = JsonPrinter.Print(message);
            Assert.Equal(message, MessageReader.Parse<ProxyConfig>(json, "a", SidecarShapes.ProxyConfig).Message);
            Assert.Equal(message, MessageReader.Parse<ProxyConfig>(json, "a").Message);
        }
    }

    [Theory]
    [InlineData("concurrencyy: 2")]
    [InlineData("concurrency: two")]
    [InlineData("tracing: {zipkin: {}, lightstep: {}}")]
    [InlineData("controlPlaneAuthPolicy: MUTUALTLS")]
    [InlineData("drainDuration: soon")]
    public void Read_ByShape_ErrorsAreThoseOfDescriptors(string yaml)
    {
        ReadResult<ProxyConfig> byShape = MessageReader.Parse<ProxyConfig>(yaml, "a", SidecarShapes.ProxyConfig);
        Assert.False(byShape.IsOk);
        Assert.Equal(MessageReader.Parse<ProxyConfig>(yaml, "a").Errors, byShape.Errors);
    }

    [Fact]
    public void DefaultsInMapsAndWrappers_ArePrinted()
    {
        var message = new ProxyConfig { Concurrency = 0, StatsCompression = false, ProxyMetadata = { ["a"] = "" } };
        Struct result = StructConversion.ToStruct(message, SidecarShapes.ProxyConfig);
        Assert.Equal(Value.ForNumber(0), result.Fields["concurrency"]);
        Assert.Equal(Value.ForBool(false), result.Fields["statsCompression"]);
        Assert.Equal(Value.ForString(""), result.Fields["proxyMetadata"].StructValue.Fields["a"]);
    }

    [Fact]
    public void FieldsOfANewerVersion_AreLeftOut()
    {
        byte[] wire = [.. new ProxyConfig { ConfigPath = "p" }.ToByteArray(), 0xfa, 0xff, 0x01, 0x01, (byte)'x'];
        Struct result = StructConversion.ToStruct(ProxyConfig.Parser.ParseFrom(wire), SidecarShapes.ProxyConfig);
        Assert.Equal("configPath", Assert.Single(result.Fields).Key);
    }

    [Fact]
    public void Documents_BecomeStructsAndBack() => Gen.Recursive<Value>((depth, self) => depth > 3
        ? Gen.Const(Value.ForNull())
        : Gen.OneOf(
            Gen.String.Select(Value.ForString),
            Gen.Bool.Select(Value.ForBool),
            Gen.Double[-1e300, 1e300].Select(Value.ForNumber),
            Gen.Int.Select(static n => Value.ForNumber(n)),
            self.Array[0, 3].Select(Value.ForList),
            Gen.Dictionary(Gen.String, self)[0, 3].Select(static d => Value.ForStruct(new Struct { Fields = { d } }))))
        .Sample(static value =>
        {
            var original = new Struct { Fields = { ["v"] = value } };
            YamlMapping node = StructConversion.ToNode(original);
            Assert.Equal(original, StructConversion.ToStruct(node));
            Assert.Equal(original, MessageReader.Read<Struct>(node).Message);
        });

    // A value in every field, so that none is forgotten; of a oneof only the choice.
    private static IMessage Filled(MessageDescriptor descriptor, int choice, int depth)
    {
        IMessage message = descriptor.Parser.ParseFrom(ByteString.Empty);
        foreach (FieldDescriptor field in descriptor.Fields.InDeclarationOrder())
        {
            if (field.RealContainingOneof is { } oneof && oneof.Fields[choice % oneof.Fields.Count] != field)
            {
                continue;
            }

            if (field.IsMap)
            {
                object one = One(field.MessageType.FindFieldByNumber(2), choice, depth);
                ((System.Collections.IDictionary)field.Accessor.GetValue(message)).Add("key", one);
            }
            else if (field.IsRepeated)
            {
                ((System.Collections.IList)field.Accessor.GetValue(message)).Add(One(field, choice, depth));
                ((System.Collections.IList)field.Accessor.GetValue(message)).Add(One(field, choice, depth));
            }
            else
            {
                field.Accessor.SetValue(message, One(field, choice, depth));
            }
        }

        return message;
    }

    private static object One(FieldDescriptor field, int choice, int depth)
    {
        switch (field.FieldType)
        {
            case FieldType.String: return field.Name;
            case FieldType.Bool: return true;
            case FieldType.Double: return 0.25;
            case FieldType.Int32: return -7;
            case FieldType.Int64: return -1234567890123456789;
            case FieldType.UInt32: return 7u;
            case FieldType.UInt64: return 12345678901234567890;
            case FieldType.Enum: return field.EnumType.Values[^1].Number;
        }

        // Wrappers are set by their values.
        return field.MessageType.FullName switch
        {
            "google.protobuf.Duration" => new Duration { Seconds = 90, Nanos = 500_000_000 },
            "google.protobuf.BoolValue" => true,
            "google.protobuf.Int32Value" => 3,
            "google.protobuf.Int64Value" => 4L,
            "google.protobuf.UInt32Value" => 5u,
            "google.protobuf.StringValue" => "wrapped",
            _ => Filled(field.MessageType, choice, depth + 1),
        };
    }
}
