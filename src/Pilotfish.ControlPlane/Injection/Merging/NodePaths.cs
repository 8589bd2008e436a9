using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection.Merging;

/// <summary>Reading and building nested nodes without a ladder of null checks.</summary>
internal static class NodePaths
{
    /// <summary>The node at a path of keys; null where one is missing.</summary>
    public static YamlNode? At(this YamlNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var key in path)
        {
            node = (node as YamlMapping)?[key];
        }

        return node;
    }

    /// <summary>The text of a scalar at a path; null where it is missing or null.</summary>
    public static string? TextAt(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is YamlScalar { IsNull: false } scalar ? scalar.Text : null;

    public static bool IsTrueAt(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is YamlScalar scalar && scalar.TryGetBoolean(out var flag) && flag;

    /// <summary>The mapping under a key, made where it is missing.</summary>
    public static YamlMapping Ensure(this YamlMapping node, string key)
    {
        if (node[key] is YamlMapping existing)
        {
            return existing;
        }

        var made = new YamlMapping();
        node[key] = made;
        return made;
    }

    /// <summary>The list under a key, made where it is missing.</summary>
    public static YamlSequence EnsureList(this YamlMapping node, string key)
    {
        if (node[key] is YamlSequence existing)
        {
            return existing;
        }

        var made = new YamlSequence();
        node[key] = made;
        return made;
    }

    /// <summary>The mappings of a list under a key; none where it is missing.</summary>
    public static IEnumerable<YamlMapping> Items(this YamlMapping? node, string key) =>
        node?.Sequence(key)?.Items.OfType<YamlMapping>() ?? [];

    /// <summary>The item of a list whose `name` is given.</summary>
    public static YamlMapping? FindNamed(this YamlMapping? node, string key, string name) =>
        node.Items(key).FirstOrDefault(item => item.Text("name") == name);

    /// <summary>Values laid over values: mappings merge key by key, everything else replaces.</summary>
    public static void Overlay(this YamlMapping target, YamlMapping source)
    {
        foreach (var entry in source.Entries)
        {
            if (target[entry.Key] is YamlMapping inner && entry.Value is YamlMapping theirs)
            {
                inner.Overlay(theirs);
            }
            else
            {
                target[entry.Key] = entry.Value.Clone();
            }
        }
    }
}
