using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>The annotation in which Multus reads a pod's extra networks: names with commas, or a JSON list.</summary>
internal static class MultusNetworks
{
    /// <summary>The annotation with a network added, unless it names it already or cannot be read.</summary>
    public static string Append(string existing, string network)
    {
        if (existing.Length == 0)
        {
            return network;
        }

        var end = existing.LastIndexOf(']');
        if (end < 0)
        {
            return existing.Split(',').Any(name => name.Trim() == network) ? existing : existing + ", " + network;
        }

        if (!GoJson.TryParse(existing, out var list, out _) || list.Kind != GoKind.List)
        {
            return existing;
        }

        var slash = network.IndexOf('/', StringComparison.Ordinal);
        var (space, name) = slash < 0 ? ("", network) : (network[..slash], network[(slash + 1)..]);
        if (list.AsList.Any(item => IsNetwork(item, space, name)))
        {
            return existing;
        }

        var separator = list.AsList.Count == 0 ? "" : ", ";
        var added = space.Length == 0
            ? $$"""{"name": "{{name}}"}"""
            : $$"""{"name": "{{name}}", "namespace": "{{space}}"}""";
        return existing[..end] + separator + added + existing[end..];
    }

    private static bool IsNetwork(GoValue item, string space, string name) =>
        item.Kind == GoKind.Map
        && item.AsMap["name"] is { Kind: GoKind.String } theirs && theirs.AsString == name
        && (item.AsMap["namespace"] is { Kind: GoKind.String } theirSpace ? theirSpace.AsString : "") == space;
}
