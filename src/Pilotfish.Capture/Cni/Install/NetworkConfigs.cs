using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>
/// Network configurations of a node as texts: which are valid, with our plugin at the end, and without it again. What
/// others wrote keeps its content and order.
/// </summary>
internal static class NetworkConfigs
{
    /// <summary>The name that a chain gets which was a single plugin before; the one runtimes expect of old.</summary>
    private const string ChainName = "k8s-pod-network";

    /// <summary>The configuration as an object if a runtime would use it, else null and why not.</summary>
    public static JsonObject? TryParse(string fileName, string text, out string problem)
    {
        problem = string.Empty;
        JsonObject? root;
        try
        {
            root = JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException e)
        {
            problem = "it is no JSON: " + e.Message;
            return null;
        }

        if (root is null)
        {
            problem = "it is no JSON object";
        }
        else if (fileName.EndsWith(".conflist", StringComparison.Ordinal))
        {
            problem = Plugins(root) is { Count: > 0 } plugins && plugins.All(p => p is JsonObject)
                ? string.Empty
                : "it has no list of 'plugins'";
        }
        else if (!IsText(root["type"]))
        {
            problem = "it has no 'type'; perhaps it is a list that should be named .conflist";
        }

        return problem.Length == 0 ? root : null;
    }

    public static bool HasEntry(JsonObject root, JsonObject entry) =>
        OurEntry(root) is { } present && JsonNode.DeepEquals(present, Chained(entry));

    /// <summary>The chain with our entry last. A single plugin becomes a chain of two.</summary>
    public static string Insert(JsonObject root, JsonObject entry)
    {
        JsonObject copy = root.DeepClone().AsObject();
        if (Plugins(copy) is { } plugins)
        {
            Remove(plugins);
            plugins.Add((JsonNode)Chained(entry));
            return Print(copy);
        }

        string version = copy["cniVersion"]?.ToString() is { Length: > 0 } own ? own : CniEntry.Version;
        copy.Remove("cniVersion");
        return Print(new JsonObject
        {
            ["cniVersion"] = version,
            ["name"] = ChainName,
            ["plugins"] = new JsonArray(copy, Chained(entry)),
        });
    }

    /// <summary>The chain without our entry; null when it is not in there.</summary>
    public static string? TakeOut(JsonObject root)
    {
        JsonObject copy = root.DeepClone().AsObject();
        return Plugins(copy) is { } plugins && Remove(plugins) ? Print(copy) : null;
    }

    public static string Print(JsonObject root)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(
            buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            root.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static JsonArray? Plugins(JsonObject root) => root["plugins"] as JsonArray;

    private static JsonObject? OurEntry(JsonObject root) =>
        Plugins(root)?.OfType<JsonObject>().FirstOrDefault(plugin => plugin["type"]?.ToString() == CniEntry.PluginType);

    private static bool Remove(JsonArray plugins) =>
        plugins.RemoveAll(plugin => plugin is JsonObject entry && entry["type"]?.ToString() == CniEntry.PluginType) > 0;

    /// <summary>In a chain the version is the chain's.</summary>
    private static JsonObject Chained(JsonObject entry)
    {
        JsonObject chained = entry.DeepClone().AsObject();
        chained.Remove("cniVersion");
        return chained;
    }

    private static bool IsText(JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.String
        && value.ToString().Length > 0;
}
