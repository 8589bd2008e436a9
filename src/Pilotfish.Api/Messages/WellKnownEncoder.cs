using Google.Protobuf;
using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>The types of google.protobuf whose JSON is not a mapping of their fields.</summary>
internal sealed class WellKnownEncoder(
    MessageEncoder messages, ScalarEncoder scalars, ReadOptions options, ReadProblems problems)
{
    public const string TypeKey = "@type";
    public const string StructName = "google.protobuf.Struct";
    public const string ValueName = "google.protobuf.Value";
    public const string NullValueName = "google.protobuf.NullValue";
    private const string Package = "google.protobuf.";
    private const string AnyValueKey = "value";

    /// <summary>Whether a type's JSON inside an Any stands under the key "value".</summary>
    public static bool HasOwnForm(string fullName) => fullName.StartsWith(Package, StringComparison.Ordinal)
        && fullName[Package.Length..] is "Any" or "Duration" or "Timestamp" or "FieldMask" or "Struct" or "Value" or "ListValue"
            or "DoubleValue" or "FloatValue" or "Int64Value" or "UInt64Value" or "Int32Value" or "UInt32Value" or "BoolValue"
            or "StringValue" or "BytesValue";

    public bool TryWrite(MessageShape shape, YamlNode node, CodedOutputStream output)
    {
        if (!HasOwnForm(shape.FullName))
        {
            return false;
        }

        switch (shape.Name)
        {
            case "Any":
                WriteAny(node, output);
                break;
            case "Duration":
                WriteSeconds(node, TryParseDuration, "a duration such as 1.5s", output);
                break;
            case "Timestamp":
                WriteSeconds(node, TimestampText.TryParse, "a time such as 2026-01-02T03:04:05Z", output);
                break;
            case "FieldMask":
                WriteFieldMask(node, output);
                break;
            case "Struct":
                WriteStruct(node, output);
                break;
            case "Value":
                WriteValue(node, output);
                break;
            case "ListValue":
                WriteList(node, output);
                break;
            default:
                // Wrappers: an unset one is null, which the caller has already passed over.
                scalars.WriteWrapped(shape.Find(1)!, node, output);
                break;
        }

        return true;
    }

    private void WriteAny(YamlNode node, CodedOutputStream output)
    {
        if (node is not YamlMapping mapping)
        {
            problems.Error(node.Position, $"A mapping with '{TypeKey}' and the fields of that type is expected, but this is {node.KindName}.");
            return;
        }

        if (mapping.Count == 0)
        {
            return;
        }

        if (mapping[TypeKey] is not YamlScalar { Kind: YamlScalarKind.String } url)
        {
            SourcePosition position = mapping[TypeKey]?.Position ?? mapping.Position;
            problems.Error(position, $"'{TypeKey}' is missing: it names the type, as in type.googleapis.com/package.Message.");
            return;
        }

        MessageTypes types = options.Types ?? PilotfishTypes.All;
        if (!url.Text.Contains('/') || types.FindByUrl(url.Text) is not { } content)
        {
            string name = url.Text[(url.Text.LastIndexOf('/') + 1)..];
            string? nearest = types.Find(name) is null ? NearestName.Find(name, types.Names) : name;
            string hint = nearest is null ? "" : $" Did you mean 'type.googleapis.com/{nearest}'?";
            problems.Error(url.Position, $"The type '{url.Text}' is unknown.{hint}");
            return;
        }

        byte[] value = HasOwnForm(content.FullName) ? EncodeOwnForm(content, mapping) : messages.Encode(MessageShape.Of(content), mapping, isAnyContent: true);
        value = Canonical(content, value);
        output.WriteTag(1, WireFormat.WireType.LengthDelimited);
        output.WriteString(url.Text);
        if (value.Length > 0)
        {
            output.WriteTag(2, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(value));
        }
    }

    /// <summary>
    /// An Any is compared by its bytes, so they must not depend on the order in which a person wrote the fields:
    /// one pass through the message puts fields in the order of their numbers and leaves defaults out.
    /// </summary>
    private byte[] Canonical(MessageDescriptor content, byte[] value)
    {
        if (problems.Errors.Count > 0)
        {
            return value;
        }

        using var stream = new MemoryStream(value, writable: false);
        using var input = CodedInputStream.CreateWithLimits(stream, int.MaxValue, MessageReader.RecursionMax);
        IMessage message = content.Parser.ParseFrom(ByteString.Empty);
        message.MergeFrom(input);
        return message.ToByteArray();
    }

    private byte[] EncodeOwnForm(MessageDescriptor content, YamlMapping mapping)
    {
        foreach (YamlEntry entry in mapping.Entries)
        {
            if (entry.Key is not (TypeKey or AnyValueKey))
            {
                problems.Error(entry.KeyPosition, $"'{content.FullName}' has no fields here; give it under '{AnyValueKey}'.");
            }
        }

        YamlNode? value = mapping[AnyValueKey];
        return value is null ? [] : messages.Encode(MessageShape.Of(content), value);
    }

    private delegate bool SecondsParser(string text, out long seconds, out int nanos);

    private bool TryParseDuration(string text, out long seconds, out int nanos) =>
        DurationText.TryParse(text, out seconds, out nanos)
        || (options.AllowGoDurations && DurationText.TryParseGo(text, out seconds, out nanos));

    private void WriteSeconds(YamlNode node, SecondsParser parser, string expected, CodedOutputStream output)
    {
        if (node is not YamlScalar scalar)
        {
            problems.Error(node.Position, $"{Capital(expected)} is expected, but this is {node.KindName}.");
            return;
        }

        if (scalar.Kind != YamlScalarKind.String || !parser(scalar.Text, out long seconds, out int nanos))
        {
            problems.Error(scalar.Position, $"{Capital(expected)} is expected, but this is {ScalarEncoder.Show(scalar)}.");
            return;
        }

        WriteVarint(1, (ulong)seconds, output);
        WriteVarint(2, (ulong)nanos, output);
    }

    private void WriteFieldMask(YamlNode node, CodedOutputStream output)
    {
        if (node is not YamlScalar { Kind: YamlScalarKind.String } scalar)
        {
            problems.Error(node.Position, $"A list of field paths in one string, \"a.b,c\", is expected, but this is {node.KindName}.");
            return;
        }

        foreach (string path in scalar.Text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(SnakeCase(path));
        }
    }

    private void WriteStruct(YamlNode node, CodedOutputStream output)
    {
        if (node is not YamlMapping mapping)
        {
            problems.Error(node.Position, $"A mapping is expected, but this is {node.KindName}.");
            return;
        }

        foreach (YamlEntry entry in mapping.Entries)
        {
            WriteNested(1, output, pair =>
            {
                pair.WriteTag(1, WireFormat.WireType.LengthDelimited);
                pair.WriteString(entry.Key);
                WriteNested(2, pair, value => WriteValue(entry.Value, value));
            });
        }
    }

    private void WriteList(YamlNode node, CodedOutputStream output)
    {
        if (node is not YamlSequence sequence)
        {
            problems.Error(node.Position, $"A list is expected, but this is {node.KindName}.");
            return;
        }

        foreach (YamlNode item in sequence.Items)
        {
            WriteNested(1, output, value => WriteValue(item, value));
        }
    }

    /// <summary>google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5, list 6.</summary>
    private void WriteValue(YamlNode node, CodedOutputStream output)
    {
        switch (node)
        {
            case YamlMapping:
                WriteNested(5, output, nested => WriteStruct(node, nested));
                break;
            case YamlSequence:
                WriteNested(6, output, nested => WriteList(node, nested));
                break;
            case YamlScalar { Kind: YamlScalarKind.Null }:
                output.WriteTag(1, WireFormat.WireType.Varint);
                output.WriteEnum(0);
                break;
            case YamlScalar scalar when scalar.TryGetBoolean(out bool flag):
                output.WriteTag(4, WireFormat.WireType.Varint);
                output.WriteBool(flag);
                break;
            case YamlScalar { Kind: YamlScalarKind.Integer or YamlScalarKind.Float } scalar
                when scalar.TryGetDouble(out double number):
                output.WriteTag(2, WireFormat.WireType.Fixed64);
                output.WriteDouble(number);
                break;
            case YamlScalar scalar:
                output.WriteTag(3, WireFormat.WireType.LengthDelimited);
                output.WriteString(scalar.Text);
                break;
        }
    }

    private static void WriteNested(int number, CodedOutputStream output, Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var nested = new CodedOutputStream(stream, leaveOpen: true))
        {
            write(nested);
        }

        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(stream.ToArray()));
    }

    private static void WriteVarint(int number, ulong value, CodedOutputStream output)
    {
        if (value != 0)
        {
            output.WriteTag(number, WireFormat.WireType.Varint);
            output.WriteUInt64(value);
        }
    }

    private static string SnakeCase(string path)
    {
        var snake = new System.Text.StringBuilder(path.Length + 8);
        foreach (char c in path)
        {
            if (char.IsAsciiLetterUpper(c))
            {
                snake.Append('_');
            }

            snake.Append(char.ToLowerInvariant(c));
        }

        return snake.ToString();
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
