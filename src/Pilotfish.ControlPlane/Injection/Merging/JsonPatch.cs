using System.Globalization;
using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection.Merging;

/// <summary>RFC 6902 patches between two nodes.</summary>
internal static class JsonPatch
{
    /// <summary>The operations that turn one node into the other, in the order in which they must be applied.</summary>
    public static YamlSequence Create(YamlNode from, YamlNode to)
    {
        var operations = new YamlSequence();
        Compare(from, to, "", operations);
        return operations;
    }

    private static void Compare(YamlNode from, YamlNode to, string path, YamlSequence operations)
    {
        switch (from, to)
        {
            case (YamlMapping before, YamlMapping after):
                CompareMappings(before, after, path, operations);
                break;
            case (YamlSequence before, YamlSequence after):
                CompareLists(before.Items, after.Items, path, operations);
                break;
            default:
                if (!from.ContentEquals(to))
                {
                    Add(operations, "replace", path, to);
                }

                break;
        }
    }

    private static void CompareMappings(YamlMapping before, YamlMapping after, string path, YamlSequence operations)
    {
        foreach (var entry in before.Entries)
        {
            var inner = $"{path}/{Escape(entry.Key)}";
            if (after[entry.Key] is { } value)
            {
                Compare(entry.Value, value, inner, operations);
            }
            else
            {
                Add(operations, "remove", inner, null);
            }
        }

        foreach (var entry in after.Entries.Where(entry => !before.ContainsKey(entry.Key)))
        {
            Add(operations, "add", $"{path}/{Escape(entry.Key)}", entry.Value);
        }
    }

    private static void CompareLists(List<YamlNode> before, List<YamlNode> after, string path, YamlSequence operations)
    {
        var shorter = Math.Min(before.Count, after.Count);
        var head = 0;
        while (head < shorter && before[head].ContentEquals(after[head]))
        {
            head++;
        }

        var tail = 0;
        while (tail < shorter - head && before[^(tail + 1)].ContentEquals(after[^(tail + 1)]))
        {
            tail++;
        }

        // Between the common ends, items pair up as far as they go; the rest is removed from the back or inserted.
        var (left, right) = (before.Count - tail, after.Count - tail);
        var paired = Math.Min(left, right);
        for (var i = head; i < paired; i++)
        {
            Compare(before[i], after[i], At(path, i), operations);
        }

        for (var i = left - 1; i >= paired; i--)
        {
            Add(operations, "remove", At(path, i), null);
        }

        for (var i = paired; i < right; i++)
        {
            Add(operations, "add", At(path, i), after[i]);
        }
    }

    private static string At(string path, int index) => $"{path}/{index.ToString(CultureInfo.InvariantCulture)}";

    private static string Escape(string key) =>
        key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static void Add(YamlSequence operations, string operation, string path, YamlNode? value)
    {
        var item = new YamlMapping();
        item.Set("op", operation);
        item.Set("path", path);
        if (value is not null)
        {
            item["value"] = value;
        }

        operations.Items.Add(item);
    }
}
