using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>Finds the path of the field that a reader's error is about by the place that it names, and the place of a field by its path.</summary>
internal static class ProblemPath
{
    /// <returns>Such as `spec.http[0].timeout`; the root's own path where the place is no field's.</returns>
    public static string Of(YamlNode root, string rootPath, SourcePosition place) => Find(root, rootPath, place) ?? rootPath;

    /// <summary>The other way: the place of a field by its path, and of the nearest node around it where it is missing.</summary>
    /// <param name="root">The node that the path begins in.</param>
    /// <param name="path">Such as `http[0].match[1].headers[x-a]`; names may be spelt as JSON or as proto spells them.</param>
    public static SourcePosition Place(YamlNode root, string path)
    {
        var node = root;
        var rest = path.AsSpan();
        while (rest.Length > 0 && Step(node, ref rest) is { } inner)
        {
            node = inner;
        }

        return node.Position;
    }

    // One name, one [index] or one [key].
    private static YamlNode? Step(YamlNode node, ref ReadOnlySpan<char> rest)
    {
        if (rest[0] == '[')
        {
            var close = rest.IndexOf(']');
            var inner = close < 0 ? rest[1..] : rest[1..close];
            rest = close < 0 ? default : rest[(close + 1)..].TrimStart('.');
            return node is YamlSequence sequence
                ? int.TryParse(inner, out var index) && index < sequence.Items.Count ? sequence.Items[index] : null
                : (node as YamlMapping)?[inner.ToString()];
        }

        if (node is not YamlMapping mapping)
        {
            return null;
        }

        // Keys of labels may hold dots: the longest key that the path begins with is meant.
        foreach (var entry in mapping.Entries.OrderByDescending(static entry => entry.Key.Length))
        {
            if (Begins(rest, entry.Key, out var length))
            {
                rest = rest[length..].TrimStart('.');
                return entry.Value;
            }
        }

        return null;
    }

    private static bool Begins(ReadOnlySpan<char> path, string key, out int length)
    {
        length = 0;
        foreach (var c in key)
        {
            if (length < path.Length && path[length] == c)
            {
                length++;
            }
            else if (length < path.Length && char.ToUpperInvariant(c) == path[length])
            {
                length++;
            }
            else if (c != '_')
            {
                return false;
            }
        }

        return length == path.Length || (length > 0 && path[length] is '.' or '[');
    }

    private static string? Find(YamlNode node, string path, SourcePosition place)
    {
        if (node is YamlMapping mapping)
        {
            foreach (var entry in mapping.Entries)
            {
                var inner = $"{path}.{entry.Key}";
                if (Find(entry.Value, inner, place) is { } found)
                {
                    return found;
                }

                if (entry.KeyPosition == place)
                {
                    return inner;
                }
            }
        }
        else if (node is YamlSequence sequence)
        {
            for (var i = 0; i < sequence.Items.Count; i++)
            {
                if (Find(sequence.Items[i], $"{path}[{i}]", place) is { } found)
                {
                    return found;
                }
            }
        }

        return node.Position == place ? path : null;
    }
}
