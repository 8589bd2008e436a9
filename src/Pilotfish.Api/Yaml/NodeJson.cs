using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Pilotfish.Api.Yaml;

/// <summary>Nodes as JSON text, for what Kubernetes and Istio keep as JSON inside of annotations and variables.</summary>
public static class NodeJson
{
    public static string Print(YamlNode node, bool indented = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions
        {
            Indented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            Write(node, writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void Write(YamlNode node, Utf8JsonWriter writer)
    {
        switch (node)
        {
            case YamlMapping mapping:
                writer.WriteStartObject();
                foreach (YamlEntry entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key);
                    Write(entry.Value, writer);
                }

                writer.WriteEndObject();
                break;
            case YamlSequence sequence:
                writer.WriteStartArray();
                foreach (YamlNode item in sequence.Items)
                {
                    Write(item, writer);
                }

                writer.WriteEndArray();
                break;
            case YamlScalar scalar:
                WriteScalar(scalar, writer);
                break;
        }
    }

    private static void WriteScalar(YamlScalar scalar, Utf8JsonWriter writer)
    {
        if (scalar.Kind == YamlScalarKind.Null)
        {
            writer.WriteNullValue();
        }
        else if (scalar.TryGetBoolean(out bool flag))
        {
            writer.WriteBooleanValue(flag);
        }
        else if (scalar.Kind == YamlScalarKind.Integer && scalar.TryGetInteger(out Int128 whole))
        {
            writer.WriteRawValue(whole.ToString(CultureInfo.InvariantCulture));
        }
        else if (scalar.Kind == YamlScalarKind.Float && scalar.TryGetDouble(out double number) && double.IsFinite(number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(scalar.Text);
        }
    }
}
