using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Pilotfish.Language.GoTemplates;

/// <summary>Template values from and to JSON. Numbers become floats, as encoding/json makes them.</summary>
public static class GoJson
{
    /// <summary>Levels of nesting in either direction; System.Text.Json's own default for reading.</summary>
    private const int DepthMax = 64;

    public static bool TryParse(string json, out GoValue value, out string error)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DepthMax });
            value = From(document.RootElement);
            error = "";
            return true;
        }
        catch (JsonException e)
        {
            value = GoValue.Nil;
            error = e.Message;
            return false;
        }
    }

    public static GoValue From(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var map = new GoMap();
                foreach (var property in element.EnumerateObject())
                {
                    map[property.Name] = From(property.Value);
                }

                return GoValue.From(map);
            case JsonValueKind.Array:
                return GoValue.From(element.EnumerateArray().Select(From).ToArray());
            case JsonValueKind.String:
                return GoValue.From(element.GetString());
            case JsonValueKind.Number:
                return GoValue.From(element.GetDouble());
            case JsonValueKind.True or JsonValueKind.False:
                return GoValue.From(element.GetBoolean());
            default:
                return GoValue.Nil;
        }
    }

    public static string Serialize(GoValue value, bool isIndented, bool escapesHtml)
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = isIndented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            MaxDepth = DepthMax,
        };
        using (var writer = new Utf8JsonWriter(stream, options))
        {
            Write(value, writer);
        }

        var json = Encoding.UTF8.GetString(stream.ToArray());
        return escapesHtml ? EscapeHtml(json) : json;
    }

    private static void Write(GoValue value, Utf8JsonWriter writer)
    {
        if (writer.CurrentDepth >= DepthMax)
        {
            throw new GoFunctionException($"the value is nested more than {DepthMax} deep");
        }

        switch (value.Kind)
        {
            case GoKind.Nil:
                writer.WriteNullValue();
                break;
            case GoKind.Bool:
                writer.WriteBooleanValue(value.AsBool);
                break;
            case GoKind.Int:
                writer.WriteNumberValue(value.AsInt);
                break;
            case GoKind.Float:
                WriteNumber(value.AsFloat, writer);
                break;
            case GoKind.String:
                writer.WriteStringValue(value.AsString);
                break;
            case GoKind.List:
                writer.WriteStartArray();
                foreach (var item in value.AsList)
                {
                    Write(item, writer);
                }

                writer.WriteEndArray();
                break;
            case GoKind.Map:
                writer.WriteStartObject();
                foreach (var (key, item) in value.AsMap.Entries)
                {
                    writer.WritePropertyName(key);
                    Write(item, writer);
                }

                writer.WriteEndObject();
                break;
            case GoKind.Object:
                Write(value.AsObject.ToPlain(), writer);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void WriteNumber(double value, Utf8JsonWriter writer)
    {
        if (!double.IsFinite(value))
        {
            throw new GoFunctionException($"json: unsupported value: {GoFormat.PrintFloat(value)}");
        }

        if (value == Math.Floor(value) && Math.Abs(value) < 1e21)
        {
            writer.WriteNumberValue((decimal)value);
        }
        else
        {
            writer.WriteNumberValue(value);
        }
    }

    /// <summary>Go escapes these in JSON strings; outside of strings they cannot stand.</summary>
    private static string EscapeHtml(string json) => json
        .Replace("<", "\\u003c", StringComparison.Ordinal)
        .Replace(">", "\\u003e", StringComparison.Ordinal)
        .Replace("&", "\\u0026", StringComparison.Ordinal);
}
