using System.Text.Json;

namespace Pilotfish.Capture.Cni.Pods;

/// <summary>Reads a pod as the Kubernetes API prints it.</summary>
internal static class PodJson
{
    /// <exception cref="JsonException">The text is no JSON.</exception>
    public static PodFacts Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return Read(document.RootElement);
    }

    public static PodFacts Read(JsonElement root)
    {
        JsonElement metadata = Child(root, "metadata");
        JsonElement spec = Child(root, "spec");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var facts = new PodFacts
        {
            Containers = names,
            Labels = Texts(Child(metadata, "labels")),
            Annotations = Texts(Child(metadata, "annotations")),
        };

        // Containers come last: where both lists hold an istio-proxy, the running one counts.
        foreach (JsonElement container in Items(spec, "initContainers").Concat(Items(spec, "containers")))
        {
            string name = Text(container, "name");
            names.Add(name);
            if (name == PodFacts.ProxyContainer)
            {
                facts = WithProxy(facts, container);
            }
        }

        return facts;
    }

    private static PodFacts WithProxy(PodFacts facts, JsonElement container)
    {
        string[] args = [.. Items(container, "args").Select(a => a.ValueKind == JsonValueKind.String ? a.GetString()! : "")];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonElement variable in Items(container, "env"))
        {
            environment[Text(variable, "name")] = Text(variable, "value");
        }

        JsonElement security = Child(container, "securityContext");
        return facts with
        {
            ProxyType = args is ["proxy", string type, ..] ? type : string.Empty,
            ProxyEnvironment = environment,
            ProxyUser = Number(security, "runAsUser"),
            ProxyGroup = Number(security, "runAsGroup"),
        };
    }

    public static JsonElement Child(JsonElement parent, string key) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(key, out JsonElement child) ? child : default;

    public static IEnumerable<JsonElement> Items(JsonElement parent, string key) =>
        Child(parent, key) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    public static string Text(JsonElement parent, string key) =>
        Child(parent, key) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : string.Empty;

    public static long? Number(JsonElement parent, string key) =>
        Child(parent, key) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long value) ? value : null;

    private static Dictionary<string, string> Texts(JsonElement map)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        if (map.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty entry in map.EnumerateObject().Where(e => e.Value.ValueKind == JsonValueKind.String))
            {
                texts[entry.Name] = entry.Value.GetString()!;
            }
        }

        return texts;
    }
}
