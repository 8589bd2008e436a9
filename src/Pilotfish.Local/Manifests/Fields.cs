using System.Globalization;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Manifests;

/// <summary>
/// Typed reading of a mapping's fields; a field of the wrong shape is reported where it stands. Missing fields and
/// nulls are alike, as in Kubernetes.
/// </summary>
internal static class Fields
{
    public static YamlMapping? MappingOf(this YamlMapping parent, string key) =>
        Present(parent, key) switch
        {
            null => null,
            YamlMapping mapping => mapping,
            { } other => throw new ManifestException(other.Position, $"'{key}' must be a mapping, but is {other.KindName}."),
        };

    public static IEnumerable<YamlMapping> MappingsOf(this YamlMapping parent, string key)
    {
        foreach (YamlNode item in ItemsOf(parent, key))
        {
            yield return item as YamlMapping
                ?? throw new ManifestException(item.Position, $"Each entry of '{key}' must be a mapping, but this is {item.KindName}.");
        }
    }

    public static IReadOnlyList<string> TextsOf(this YamlMapping parent, string key) =>
        [.. ItemsOf(parent, key).Select(item => item is YamlScalar scalar
            ? scalar.Text
            : throw new ManifestException(item.Position, $"Each entry of '{key}' must be text, but this is {item.KindName}."))];

    public static string? TextOf(this YamlMapping parent, string key) => Present(parent, key) switch
    {
        null => null,
        YamlScalar scalar => scalar.Text,
        { } other => throw new ManifestException(other.Position, $"'{key}' must be text, but is {other.KindName}."),
    };

    public static string Demand(this YamlMapping parent, string key, string of) =>
        parent.TextOf(key) is { Length: > 0 } text
            ? text
            : throw new ManifestException(parent.Position, $"{of} has no '{key}'.");

    public static bool FlagOf(this YamlMapping parent, string key, bool otherwise = false)
    {
        YamlNode? node = Present(parent, key);
        if (node is null)
        {
            return otherwise;
        }

        return node is YamlScalar scalar && scalar.TryGetBoolean(out bool value)
            ? value
            : throw new ManifestException(node.Position, $"'{key}' must be true or false.");
    }

    public static int NumberOf(this YamlMapping parent, string key, int otherwise, int min = 0, int max = int.MaxValue) =>
        parent.OptionalNumberOf(key, min, max) ?? otherwise;

    public static int? OptionalNumberOf(this YamlMapping parent, string key, int min = 0, int max = int.MaxValue)
    {
        YamlNode? node = Present(parent, key);
        if (node is null)
        {
            return null;
        }

        bool ok = node is YamlScalar scalar
            && int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            && value >= min && value <= max;
        return ok
            ? int.Parse(((YamlScalar)node).Text, CultureInfo.InvariantCulture)
            : throw new ManifestException(node.Position, $"'{key}' must be a whole number from {min} to {max}.");
    }

    /// <summary>A mapping of text to text: labels, annotations, the data of a ConfigMap.</summary>
    public static IReadOnlyDictionary<string, string> TextMapOf(this YamlMapping? parent, string key)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (YamlEntry entry in parent?.MappingOf(key)?.Entries ?? [])
        {
            map[entry.Key] = entry.Value is YamlScalar scalar
                ? scalar.Text
                : throw new ManifestException(entry.Value.Position, $"'{key}.{entry.Key}' must be text, but is {entry.Value.KindName}.");
        }

        return map;
    }

    private static List<YamlNode> ItemsOf(YamlMapping parent, string key) => Present(parent, key) switch
    {
        null => [],
        YamlSequence sequence => sequence.Items,
        { } other => throw new ManifestException(other.Position, $"'{key}' must be a list, but is {other.KindName}."),
    };

    private static YamlNode? Present(YamlMapping parent, string key) =>
        parent[key] is { IsNull: false } node ? node : null;
}
