using OpenTelemetry.Proto.Common.V1;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// A body or an attribute of OTLP records, compiled: every text is a format string, whose value is a text; lists and maps of them nest.
/// Immutable; any worker.
/// </summary>
internal sealed class OpenTelemetryTemplate
{
    // Fields of AnyValue, ArrayValue, KeyValueList and KeyValue.
    private const int StringValue = 1;
    private const int ArrayValue = 5;
    private const int MapValue = 6;
    private const int Values = 1;
    private const int Key = 1;
    private const int Value = 2;

    // Envoy's own limit for nested JSON; a deeper template would overflow a reader before it serves one.
    private const int DepthMax = 100;

    // One of the three is set.
    private readonly FormatProgram? _text;
    private readonly OpenTelemetryTemplate[]? _items;
    private readonly (string Key, OpenTelemetryTemplate Value)[]? _members;

    private OpenTelemetryTemplate(FormatProgram text) => _text = text;

    private OpenTelemetryTemplate(OpenTelemetryTemplate[] items) => _items = items;

    private OpenTelemetryTemplate((string Key, OpenTelemetryTemplate Value)[] members) => _members = members;

    public static OpenTelemetryTemplate CompileValue(AnyValue value, string field, int depth = 0)
    {
        if (depth > DepthMax)
        {
            throw new ConfigRejectedException(field, $"the format nests deeper than {DepthMax} levels");
        }

        switch (value.ValueCase)
        {
            case AnyValue.ValueOneofCase.StringValue:
                return new OpenTelemetryTemplate(FormatProgram.Compile(value.StringValue, field));
            case AnyValue.ValueOneofCase.KvlistValue:
                return new OpenTelemetryTemplate(CompileList(value.KvlistValue.Values, field, depth + 1));
            case AnyValue.ValueOneofCase.ArrayValue:
                var items = new OpenTelemetryTemplate[value.ArrayValue.Values.Count];
                for (int i = 0; i < items.Length; i++)
                {
                    items[i] = CompileValue(value.ArrayValue.Values[i], $"{field}[{i}]", depth + 1);
                }

                return new OpenTelemetryTemplate(items);
            default:
                throw new ConfigRejectedException(field, "only strings, lists and maps of them can be formatted");
        }
    }

    public static (string Key, OpenTelemetryTemplate Value)[] CompileList(IReadOnlyList<KeyValue> list, string field, int depth = 0)
    {
        var members = new (string Key, OpenTelemetryTemplate Value)[list.Count];
        for (int i = 0; i < members.Length; i++)
        {
            members[i] = (list[i].Key, CompileValue(list[i].Value ?? new AnyValue(), $"{field}.{list[i].Key}", depth));
        }

        return members;
    }

    /// <summary>Writes a field that is a repeated KeyValue.</summary>
    public static void WriteMembers(
        WireWriter writer, int field, (string Key, OpenTelemetryTemplate Value)[] members, in FormatSource source)
    {
        foreach ((string key, OpenTelemetryTemplate value) in members)
        {
            int start = writer.Begin(field);
            writer.Text(Key, key);
            value.Write(writer, Value, in source);
            writer.End(start);
        }
    }

    /// <summary>Begins a field that is a KeyValue with a text; the caller formats it, then calls <see cref="EndText"/>.</summary>
    public static (int Member, int Value, int Text) BeginText(WireWriter writer, int field, string key)
    {
        int member = writer.Begin(field);
        writer.Text(Key, key);
        int value = writer.Begin(Value);
        return (member, value, writer.Begin(StringValue));
    }

    public static void EndText(WireWriter writer, (int Member, int Value, int Text) starts)
    {
        writer.EndText(starts.Text);
        writer.End(starts.Value);
        writer.End(starts.Member);
    }

    /// <summary>Writes a field that is an AnyValue.</summary>
    public void Write(WireWriter writer, int field, in FormatSource source)
    {
        int start = writer.Begin(field);
        if (_text is not null)
        {
            int text = writer.Begin(StringValue);
            _text.Append(writer.Output, in source);
            writer.EndText(text);
        }
        else if (_items is not null)
        {
            int list = writer.Begin(ArrayValue);
            foreach (OpenTelemetryTemplate item in _items)
            {
                item.Write(writer, Values, in source);
            }

            writer.End(list);
        }
        else
        {
            int map = writer.Begin(MapValue);
            WriteMembers(writer, Values, _members!, in source);
            writer.End(map);
        }

        writer.End(start);
    }
}
