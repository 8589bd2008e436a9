using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>What goes back to the runtime on standard output: results, versions, errors.</summary>
internal static class CniAnswers
{
    /// <summary>The result of the plugin before, untouched, so that the chain keeps its addresses; else an empty one.</summary>
    public static string Result(CniConfig config) => Write(writer =>
    {
        if (config.PreviousResult is not JsonElement previous)
        {
            writer.WriteStartObject();
            writer.WriteString("cniVersion", config.Version);
            writer.WriteStartObject("dns");
            writer.WriteEndObject();
            writer.WriteEndObject();
            return;
        }

        writer.WriteStartObject();
        if (!previous.TryGetProperty("cniVersion", out _))
        {
            writer.WriteString("cniVersion", config.Version);
        }

        foreach (JsonProperty property in previous.EnumerateObject())
        {
            property.WriteTo(writer);
        }

        writer.WriteEndObject();
    });

    public static string Versions(string asked) => Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", asked.Length == 0 ? CniVersions.Latest : asked);
        writer.WriteStartArray("supportedVersions");
        foreach (string version in CniVersions.Supported)
        {
            writer.WriteStringValue(version);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    public static string Error(string version, CniException error) => Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion", version.Length == 0 ? CniVersions.Latest : version);
        writer.WriteNumber("code", (int)error.Code);
        writer.WriteString("msg", error.Message);
        if (error.Details.Length > 0)
        {
            writer.WriteString("details", error.Details);
        }

        writer.WriteEndObject();
    });

    private static string Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(
            buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true }))
        {
            body(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
