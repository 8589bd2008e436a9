using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages.Shapes;

/// <summary>Between google.protobuf.Struct and messages, by shapes: what JSON text would carry, without the text and without descriptors.</summary>
public static class StructConversion
{
    /// <summary>The message's proto3 JSON as a struct.</summary>
    public static Struct ToStruct(IMessage message, MessageShape shape) => ReadFields(message.ToByteString(), shape);

    /// <summary>A mapping of a document as a struct.</summary>
    public static Struct ToStruct(YamlMapping mapping)
    {
        var result = new Struct();
        foreach (YamlEntry entry in mapping.Entries)
        {
            result.Fields[entry.Key] = ToValue(entry.Value);
        }

        return result;
    }

    /// <summary>The struct as the document that it stands for. Its nodes have no positions.</summary>
    public static YamlMapping ToNode(Struct fields)
    {
        var mapping = new YamlMapping();
        foreach ((string key, Value value) in fields.Fields)
        {
            mapping[key] = ToNode(value);
        }

        return mapping;
    }

    private static Value ToValue(YamlNode node)
    {
        switch (node)
        {
            case YamlMapping mapping:
                return Value.ForStruct(ToStruct(mapping));
            case YamlSequence sequence:
                return Value.ForList([.. sequence.Items.Select(ToValue)]);
            case YamlScalar scalar when scalar.IsNull:
                return Value.ForNull();
            case YamlScalar scalar when scalar.TryGetBoolean(out bool flag):
                return Value.ForBool(flag);
            case YamlScalar scalar when scalar.TryGetDouble(out double number):
                return Value.ForNumber(number);
            default:
                return Value.ForString(((YamlScalar)node).Text);
        }
    }

    private static YamlNode ToNode(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => YamlScalar.String(value.StringValue),
        Value.KindOneofCase.BoolValue => YamlScalar.Boolean(value.BoolValue),
        Value.KindOneofCase.NumberValue => NumberNode(value.NumberValue),
        Value.KindOneofCase.StructValue => ToNode(value.StructValue),
        Value.KindOneofCase.ListValue => new YamlSequence(value.ListValue.Values.Select(ToNode)),
        _ => YamlScalar.Null(),
    };

    private static YamlScalar NumberNode(double number)
    {
        const double WholeMax = 9_007_199_254_740_992;
        return number == Math.Truncate(number) && Math.Abs(number) <= WholeMax
            ? YamlScalar.Integer((long)number)
            : new YamlScalar(number.ToString("R", CultureInfo.InvariantCulture), double.IsFinite(number) ? YamlScalarKind.Float : YamlScalarKind.String);
    }

    private static Struct ReadFields(ByteString wire, MessageShape shape)
    {
        var result = new Struct();
        CodedInputStream input = wire.CreateCodedInput();
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            FieldShape? field = shape.Find(WireFormat.GetTagFieldNumber(tag));
            if (field is null)
            {
                // Newer than our table: the wire keeps it, JSON has no name for it.
                input.SkipLastField();
                continue;
            }

            if (field.IsMap)
            {
                (string key, Value entry) = ReadEntry(input.ReadBytes(), field.MessageType);
                Nested(result, field.JsonName, static () => Value.ForStruct(new Struct())).StructValue.Fields[key] = entry;
            }
            else if (field.IsRepeated)
            {
                Nested(result, field.JsonName, static () => Value.ForList()).ListValue.Values.AddRange(ReadItems(tag, field, input));
            }
            else
            {
                result.Fields[field.JsonName] = ReadValue(field, input);
            }
        }

        return result;
    }

    private static Value Nested(Struct owner, string name, Func<Value> make)
    {
        if (!owner.Fields.TryGetValue(name, out Value? value))
        {
            owner.Fields[name] = value = make();
        }

        return value;
    }

    /// <summary>One item, or all of a packed list.</summary>
    private static IEnumerable<Value> ReadItems(uint tag, FieldShape field, CodedInputStream input)
    {
        bool isPacked = WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited
            && field.FieldType is not (FieldType.String or FieldType.Bytes or FieldType.Message);
        if (!isPacked)
        {
            yield return ReadValue(field, input);
            yield break;
        }

        CodedInputStream packed = input.ReadBytes().CreateCodedInput();
        while (!packed.IsAtEnd)
        {
            yield return ReadValue(field, packed);
        }
    }

    private static (string Key, Value Value) ReadEntry(ByteString wire, MessageShape entry)
    {
        Struct pair = ReadFields(wire, entry);
        string key = pair.Fields.TryGetValue("key", out Value? name) ? name.StringValue : "";
        return (key, pair.Fields.TryGetValue("value", out Value? value) ? value : Default(entry.Find(2)!));
    }

    private static Value Default(FieldShape field) => field.FieldType switch
    {
        FieldType.Message => Value.ForStruct(new Struct()),
        FieldType.Bool => Value.ForBool(false),
        FieldType.String or FieldType.Bytes => Value.ForString(""),
        FieldType.Enum => Value.ForString(field.EnumType.NameOf(0) ?? ""),
        _ => Value.ForNumber(0),
    };

    private static Value ReadValue(FieldShape field, CodedInputStream input)
    {
        switch (field.FieldType)
        {
            case FieldType.String:
                return Value.ForString(input.ReadString());
            case FieldType.Bytes:
                return Value.ForString(input.ReadBytes().ToBase64());
            case FieldType.Bool:
                return Value.ForBool(input.ReadBool());
            case FieldType.Double:
                return Number(input.ReadDouble());
            case FieldType.Float:
                return Number(input.ReadFloat());
            case FieldType.Int32:
                return Value.ForNumber(input.ReadInt32());
            case FieldType.UInt32:
                return Value.ForNumber(input.ReadUInt32());

            // 64-bit integers are strings in proto3 JSON, because a double would round them.
            case FieldType.Int64:
                return Value.ForString(FormattableString.Invariant($"{input.ReadInt64()}"));
            case FieldType.UInt64:
                return Value.ForString(FormattableString.Invariant($"{input.ReadUInt64()}"));
            case FieldType.Enum:
                int number = input.ReadEnum();
                return field.EnumType.NameOf(number) is { } name ? Value.ForString(name) : Value.ForNumber(number);
            default:
                return ReadMessage(input.ReadBytes(), field.MessageType);
        }
    }

    private static Value ReadMessage(ByteString wire, MessageShape shape)
    {
        switch (shape.FullName)
        {
            case "google.protobuf.Duration":
                var duration = Duration.Parser.ParseFrom(wire);
                return Value.ForString(DurationText.Format(duration.Seconds, duration.Nanos));
            case WellKnownEncoder.StructName:
                return Value.ForStruct(Struct.Parser.ParseFrom(wire));
        }

        Struct fields = ReadFields(wire, shape);
        if (!WellKnownEncoder.HasOwnForm(shape.FullName))
        {
            return Value.ForStruct(fields);
        }

        // A wrapper is its value; the default is not on the wire.
        return fields.Fields.TryGetValue("value", out Value? value) ? value : Default(shape.Find(1)!);
    }

    private static Value Number(double value) => double.IsFinite(value)
        ? Value.ForNumber(value)
        : Value.ForString(double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}
