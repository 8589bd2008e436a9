using System.Text.Json;

namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>The network configuration that the runtime writes to standard input, with the keys that Istio's plugin has.</summary>
internal sealed record CniConfig
{
    public const string DefaultRunDir = "/var/run/istio-cni";

    /// <summary>A configuration with the results of the whole chain has a few kilobytes.</summary>
    public const int LengthMax = 1024 * 1024;

    public required string Version { get; init; }

    public required string Name { get; init; }

    /// <summary>The result of the plugin before this one; null when there is none.</summary>
    public required JsonElement? PreviousResult { get; init; }

    public required string RunDir { get; init; }

    public required IReadOnlyList<string> ExcludedNamespaces { get; init; }

    /// <summary>The namespace of the node agent's own pods.</summary>
    public required string AgentNamespace { get; init; }

    public required bool NativeNftables { get; init; }

    public static CniConfig Parse(string text)
    {
        if (text.Length > LengthMax)
        {
            throw new CniException(
                CniErrorCode.InvalidConfig, $"The network configuration is longer than {LengthMax} characters.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return Read(document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw new CniException(
                CniErrorCode.Undecodable, "The network configuration on standard input is no JSON.", e.Message);
        }
    }

    private static CniConfig Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new CniException(CniErrorCode.Undecodable, "The network configuration on standard input is no JSON object.");
        }

        JsonElement? previous = Find(root, "prevResult", JsonValueKind.Object);
        return new CniConfig
        {
            Version = Text(root, "cniVersion", string.Empty),
            Name = Text(root, "name", string.Empty),
            PreviousResult = previous,
            RunDir = Text(root, "cni_agent_run_dir", DefaultRunDir),
            ExcludedNamespaces = Texts(root, "exclude_namespaces"),
            AgentNamespace = Text(root, "pod_namespace", string.Empty),
            NativeNftables = Flag(root, "native_nftables"),
        };
    }

    private static string Text(JsonElement root, string key, string whenMissing) =>
        Find(root, key, JsonValueKind.String)?.GetString() is { Length: > 0 } text ? text : whenMissing;

    private static bool Flag(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw Wrong(key, "true or false"),
        };

    private static List<string> Texts(JsonElement root, string key)
    {
        var texts = new List<string>();
        foreach (JsonElement item in Find(root, key, JsonValueKind.Array)?.EnumerateArray() ?? default)
        {
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(key, "a list of texts"));
        }

        return texts;
    }

    private static JsonElement? Find(JsonElement root, string key, JsonValueKind kind)
    {
        if (!root.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == kind ? value : throw Wrong(key, $"a JSON {kind.ToString().ToLowerInvariant()}");
    }

    private static CniException Wrong(string key, string wanted) =>
        new(CniErrorCode.InvalidConfig, $"'{key}' of the network configuration must be {wanted}.");
}
