using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>
/// Finds settings that nobody reads: keys that an installation's values or a mesh configuration do not have. As Istio's own, the reader of a
/// mesh configuration passes them over and `install` refuses them among the values; here both are at least named.
/// </summary>
internal static class ValuesCheck
{
    private const string Root = "values";

    private static readonly Lazy<Dictionary<string, Dictionary<string, string?>>> s_groups = new(Load);

    private static readonly ReadOptions s_lenient = ReadOptions.Istio with { UnknownFields = Api.Messages.UnknownFields.Warn };

    /// <summary>The keys that an installation's values do not have, each as a sentence with its place.</summary>
    public static IEnumerable<SourceError> Unknown(YamlMapping values) => Unknown(values, Root, Root);

    /// <summary>
    /// The fields that a mesh configuration does not have, likewise. Fields of a wrong kind are refused by whoever uses them.
    /// </summary>
    /// <param name="meshConfig">The mesh configuration.</param>
    /// <param name="path">Its own place in an installation; empty for a file of its own.</param>
    public static IEnumerable<SourceError> UnknownFields(YamlMapping? meshConfig, string path = "") => meshConfig is null
        ? []
        : MessageReader.Read<MeshConfig>(meshConfig, s_lenient).Warnings.Select(
            warning => path.Length == 0 ? warning : warning with { Message = $"'{path}': {warning.Message}" });

    private static IEnumerable<SourceError> Unknown(YamlMapping node, string group, string path)
    {
        var known = s_groups.Value[group];
        foreach (var entry in node.Entries)
        {
            if (!known.TryGetValue(entry.Key, out var inner))
            {
                var nearest = NearestName.Find(entry.Key, known.Keys);
                var hint = nearest is null ? "" : $" Did you mean '{nearest}'?";
                yield return new SourceError(
                    entry.KeyPosition, $"'{path}.{ShownText.Of(entry.Key)}' is no value of an installation.{hint}");
            }
            else if (inner is not null && entry.Value is YamlMapping mapping)
            {
                foreach (var problem in Unknown(mapping, inner, $"{path}.{entry.Key}"))
                {
                    yield return problem;
                }
            }
        }
    }

    /// <summary>Group to its keys, and each key's own group where it has one. The table's head explains the format.</summary>
    private static Dictionary<string, Dictionary<string, string?>> Load()
    {
        var groups = new Dictionary<string, Dictionary<string, string?>>(StringComparer.Ordinal);
        foreach (var line in EmbeddedText.Read("Configuration.installation.keys").Split('\n'))
        {
            if (line.StartsWith('#') || string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            groups.Add(words[0], words.Skip(1).Select(word => word.Split(':')).ToDictionary(
                word => word[0], word => word.Length > 1 ? word[1] : null, StringComparer.Ordinal));
        }

        return groups;
    }
}
