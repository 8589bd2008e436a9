using System.Globalization;
using System.Text.RegularExpressions;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Puts file, line and column in front of what is wrong with a static listener or cluster: resources compile from messages, which have
/// forgotten where they stood, so their field's path is followed once more through the file.
/// </summary>
internal static partial class BootstrapPlaces
{
    /// <summary>The problems, each with its place where the file or --config-yaml has it.</summary>
    public static IReadOnlyList<string> Locate(ServeOptions options, IReadOnlyList<string> problems)
    {
        IReadOnlyList<YamlNode> roots = Read(options);
        var located = new List<string>(problems.Count);
        foreach (string problem in problems)
        {
            SourcePosition place = SourcePosition.None;
            for (int i = 0; i < roots.Count && place.Line == 0; i++)
            {
                place = PlaceOf(roots[i], problem);
            }

            located.Add(place.Line > 0 ? $"{place}: {problem}" : problem);
        }

        return located;
    }

    private static IReadOnlyList<YamlNode> Read(ServeOptions options)
    {
        var documents = new List<YamlNode>();
        if (options.ConfigPath.Length > 0 && !options.ConfigPath.EndsWith(".pb", StringComparison.Ordinal))
        {
            try
            {
                documents.AddRange(YamlDocuments.Parse(File.ReadAllBytes(options.ConfigPath), options.ConfigPath).Documents);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It was there a moment ago; the problems are told without a place then.
            }
        }

        if (options.ConfigYaml.Length > 0)
        {
            documents.AddRange(YamlDocuments.Parse(options.ConfigYaml, "--config-yaml").Documents);
        }

        return documents;
    }

    private static SourcePosition PlaceOf(YamlNode root, string problem)
    {
        Match match = Problem().Match(problem);
        if (!match.Success || (Child(root, "static_resources") is not { } resources)
            || Child(resources.Value, match.Groups["kind"].Value + "s")?.Value is not YamlSequence all)
        {
            return SourcePosition.None;
        }

        YamlNode? resource = all.Items.Find(item => (item as YamlMapping)?.Text("name") == match.Groups["name"].Value);
        return resource is null ? SourcePosition.None : Follow(resource, match.Groups["field"].Value);
    }

    // As far as the file has it: a default or a field of a packed message may have no place of its own.
    private static SourcePosition Follow(YamlNode node, string field)
    {
        SourcePosition place = node.Position;
        foreach (Match step in Step().Matches(field))
        {
            string key = step.Groups["key"].Success ? step.Groups["key"].Value : step.Groups["name"].Value;
            if (key.Length == 0 && node is YamlSequence list
                && int.TryParse(step.Groups["index"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int at) && at < list.Items.Count)
            {
                node = list.Items[at];
                place = node.Position;
            }
            else if (Child(node, key) is { } entry)
            {
                (node, place) = (entry.Value, entry.KeyPosition);
            }
            else
            {
                break;
            }
        }

        return place;
    }

    // JSON and YAML bootstraps may spell a field either way.
    private static YamlEntry? Child(YamlNode node, string key) => node is not YamlMapping mapping ? null
        : mapping.FindEntry(key) ?? mapping.FindEntry(Underscore().Replace(key, static match => match.Value[1..].ToUpperInvariant()));

    [GeneratedRegex("^static (?<kind>listener|cluster) '(?<name>[^']*)': (?<field>\\S*):")]
    private static partial Regex Problem();

    [GeneratedRegex(@"\[(?<index>\d+)\]|\[(?<key>[^\]]+)\]|(?<name>[^.\[\]]+)")]
    private static partial Regex Step();

    [GeneratedRegex("_[a-z]")]
    private static partial Regex Underscore();
}
