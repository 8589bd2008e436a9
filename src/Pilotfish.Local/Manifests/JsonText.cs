using System.Text.Json;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Manifests;

/// <summary>Writes nodes as JSON, which every YAML reader reads.</summary>
internal static class JsonText
{
    public static byte[] Write(YamlNode node)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(node, writer);
        }

        return buffer.ToArray();
    }

    private static void Write(YamlNode node, Utf8JsonWriter writer)
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
                sequence.Items.ForEach(item => Write(item, writer));
                writer.WriteEndArray();
                break;
            case YamlScalar scalar:
                WriteScalar(scalar, writer);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(node), node, "A node of unknown kind.");
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
        else if (scalar.TryGetInteger(out Int128 whole) && whole >= long.MinValue && whole <= long.MaxValue)
        {
            writer.WriteNumberValue((long)whole);
        }
        else if (scalar.TryGetDouble(out double number) && double.IsFinite(number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(scalar.Text);
        }
    }
}
