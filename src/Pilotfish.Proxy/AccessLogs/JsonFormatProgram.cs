using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>
/// A JSON template compiled: constants are written once into bytes, operators keep the type of their value when they are a
/// whole string, keys come sorted. One record is one line.
/// </summary>
internal sealed class JsonFormatProgram : IRecordFormat
{
    // Envoy's own limit on nesting of a JSON message; deeper templates would overflow a reader before they serve one.
    private const int DepthMax = 100;

    private readonly JsonNode _root;
    private readonly bool _omitMissing;
    private readonly bool _typed;

    private JsonFormatProgram(JsonNode root, bool typed, bool omitMissing)
    {
        _root = root;
        _typed = typed;
        _omitMissing = omitMissing;
    }

    /// <summary>An untyped program writes every operator's value as a string, as the oldest form of the config did.</summary>
    public static JsonFormatProgram Compile(Struct template, string field, bool typed, bool omitMissing) =>
        new(CompileObject(template, field, omitMissing, 0), typed, omitMissing);

    public void Append(FormatOutput output, FormatOutput scratch, in FormatSource source)
    {
        Write(_root, output, scratch, in source);
        output.Append((byte)'\n');
    }

    private static JsonNode CompileObject(Struct template, string field, bool omitMissing, int depth)
    {
        if (depth > DepthMax)
        {
            throw new ConfigRejectedException(field, $"the JSON format nests deeper than {DepthMax} levels");
        }

        List<string> keys = [.. template.Fields.Keys];
        keys.Sort(string.CompareOrdinal);
        List<(byte[] Key, JsonNode Value)> members = [];
        foreach (string key in keys)
        {
            FormatOutput quoted = new();
            JsonText.AppendQuoted(quoted, key);
            quoted.Append((byte)':');
            JsonNode value = CompileValue(template.Fields[key], $"{field}.{key}", omitMissing, depth + 1);
            members.Add((quoted.Written.ToArray(), value));
        }

        return new JsonNode { Members = [.. members] };
    }

    private static JsonNode CompileValue(Value value, string field, bool omitMissing, int depth)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StructValue:
                return CompileObject(value.StructValue, field, omitMissing, depth);
            case Value.KindOneofCase.ListValue:
                List<JsonNode> items = [];
                for (int i = 0; i < value.ListValue.Values.Count; i++)
                {
                    items.Add(CompileValue(value.ListValue.Values[i], $"{field}[{i}]", omitMissing, depth + 1));
                }

                return new JsonNode { Items = [.. items] };
            case Value.KindOneofCase.NumberValue:
                FormatOutput number = new();
                number.Append(value.NumberValue);
                return new JsonNode { Constant = number.Written.ToArray() };
            case Value.KindOneofCase.BoolValue:
                return new JsonNode { Constant = value.BoolValue ? "true"u8.ToArray() : "false"u8.ToArray() };
            case Value.KindOneofCase.StringValue:
                try
                {
                    return CompileText(value.StringValue, omitMissing);
                }
                catch (FormatSyntaxException e)
                {
                    throw new ConfigRejectedException(field, e.Message, e);
                }

            default:
                return new JsonNode { Constant = "null"u8.ToArray() };
        }
    }

    private static JsonNode CompileText(string text, bool omitMissing)
    {
        FormatTemplate template = FormatTemplate.Parse(text);
        if (template.SingleOperator is { } single)
        {
            return new JsonNode { Operation = FormatOperators.Compile(single), LengthMax = single.MaxLength ?? int.MaxValue };
        }

        if (template.Parts.Count == 0 || (template.Parts.Count == 1 && template.Parts[0].Literal is not null))
        {
            FormatOutput quoted = new();
            JsonText.AppendQuoted(quoted, template.Parts.Count == 0 ? "" : template.Parts[0].Literal!);
            return new JsonNode { Constant = quoted.Written.ToArray() };
        }

        return new JsonNode { Program = FormatProgram.Compile(template, omitMissing) };
    }

    // False when the value is missing and was left out.
    private bool Write(JsonNode node, FormatOutput output, FormatOutput scratch, in FormatSource source)
    {
        if (node.Constant is { } constant)
        {
            output.Append(constant);
            return true;
        }

        if (node.Members is { } members)
        {
            WriteObject(members, output, scratch, in source);
            return true;
        }

        if (node.Items is { } items)
        {
            WriteList(items, output, scratch, in source);
            return true;
        }

        scratch.Clear();
        if (node.Program is { } program)
        {
            program.Append(scratch, in source);
            JsonText.AppendQuoted(output, scratch.Written);
            return true;
        }

        return WriteOperator(node, output, scratch, in source);
    }

    private bool WriteOperator(JsonNode node, FormatOutput output, FormatOutput scratch, in FormatSource source)
    {
        FormatValueKind kind = node.Operation!(in source, scratch);
        if (kind == FormatValueKind.Missing)
        {
            if (_omitMissing)
            {
                return false;
            }

            output.Append(_typed ? "null"u8 : "\"-\""u8);
            return true;
        }

        if (_typed && kind is FormatValueKind.Number or FormatValueKind.Json)
        {
            output.Append(scratch.Written);
            return true;
        }

        scratch.Truncate(0, node.LengthMax);
        JsonText.AppendQuoted(output, scratch.Written);
        return true;
    }

    private void WriteObject(
        (byte[] Key, JsonNode Value)[] members, FormatOutput output, FormatOutput scratch, in FormatSource source)
    {
        output.Append((byte)'{');
        bool first = true;
        foreach ((byte[] key, JsonNode value) in members)
        {
            int before = output.Length;
            if (!first)
            {
                output.Append((byte)',');
            }

            output.Append(key);
            if (Write(value, output, scratch, in source))
            {
                first = false;
            }
            else
            {
                output.Truncate(0, before);
            }
        }

        output.Append((byte)'}');
    }

    private void WriteList(JsonNode[] items, FormatOutput output, FormatOutput scratch, in FormatSource source)
    {
        output.Append((byte)'[');
        for (int i = 0; i < items.Length; i++)
        {
            if (i > 0)
            {
                output.Append((byte)',');
            }

            // A list keeps its places: a missing item stays as null.
            if (!Write(items[i], output, scratch, in source))
            {
                output.Append("null"u8);
            }
        }

        output.Append((byte)']');
    }

    // Exactly one of Constant, Members, Items, Program, Operation is set.
    private sealed class JsonNode
    {
        public byte[]? Constant { get; init; }

        public (byte[] Key, JsonNode Value)[]? Members { get; init; }

        public JsonNode[]? Items { get; init; }

        public FormatProgram? Program { get; init; }

        public FormatOperation? Operation { get; init; }

        public int LengthMax { get; init; }
    }
}
