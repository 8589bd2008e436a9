using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>Finds the path of the field that a reader's error is about, by the place that it names.</summary>
internal static class ProblemPath
{
    /// <returns>Such as `spec.http[0].timeout`; the root's own path where the place is no field's.</returns>
    public static string Of(YamlNode root, string rootPath, SourcePosition place) => Find(root, rootPath, place) ?? rootPath;

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
