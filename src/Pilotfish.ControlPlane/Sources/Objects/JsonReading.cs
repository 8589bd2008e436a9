using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Tolerant access to Kubernetes objects held as JSON trees: an absent or null field reads as its zero value.</summary>
internal static class JsonReading
{
    public static JsonObject? Object(this JsonNode? node, string field) => node is JsonObject o ? o[field] as JsonObject : null;

    public static JsonArray? Array(this JsonNode? node, string field) => node is JsonObject o ? o[field] as JsonArray : null;

    public static string Text(this JsonNode? node, string field) =>
        node is JsonObject o && o[field] is JsonValue value ? Scalar(value) : "";

    public static string? TextOrNull(this JsonNode? node, string field) =>
        node is JsonObject o && o[field] is JsonValue value ? Scalar(value) : null;

    public static int Number(this JsonNode? node, string field) =>
        int.TryParse(node.Text(field), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public static bool Flag(this JsonNode? node, string field) => node.Text(field) == "true";

    public static bool? FlagOrNull(this JsonNode? node, string field) => node.TextOrNull(field) switch
    {
        "true" => true,
        "false" => false,
        _ => null,
    };

    public static IReadOnlyDictionary<string, string> Map(this JsonNode? node, string field)
    {
        if (node.Object(field) is not { Count: > 0 } map)
        {
            return EmptyLabels.Instance;
        }

        var result = new Dictionary<string, string>(map.Count, StringComparer.Ordinal);
        foreach (var (key, value) in map)
        {
            result[key] = value is JsonValue scalar ? Scalar(scalar) : "";
        }

        return result;
    }

    public static List<string> Texts(this JsonNode? node, string field)
    {
        var result = new List<string>();
        foreach (var item in node.Array(field) ?? [])
        {
            if (item is JsonValue value)
            {
                result.Add(Scalar(value));
            }
        }

        return result;
    }

    public static string Scalar(JsonValue value) => value.GetValueKind() switch
    {
        JsonValueKind.String => value.GetValue<string>(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.ToJsonString(),
    };
}
