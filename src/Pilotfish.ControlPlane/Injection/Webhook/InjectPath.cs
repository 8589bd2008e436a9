namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>Reads the variables that a webhook's URL carries: `/inject/cluster/east/net/blue`.</summary>
internal static class InjectPath
{
    /// <summary>Variables of one path. URLs are bounded anyway; this bounds the pod.</summary>
    private const int VariablesMax = 100;

    /// <summary>Stands for a slash inside a value.</summary>
    private const string Slash = "--slash--";

    /// <summary>The older form, `:ENV:name=value:ENV:name=value`, which Kubernetes accepts in URLs only.</summary>
    private const string OldSeparator = ":ENV:";

    public static IReadOnlyDictionary<string, string> Parse(string path)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        var parts = path.TrimEnd('/').Split('/', 3);
        if (parts.Length < 3)
        {
            return variables;
        }

        foreach (var (name, value) in parts[2].StartsWith(OldSeparator, StringComparison.Ordinal)
            ? OldPairs(parts[2])
            : Pairs(parts[2].Split('/')))
        {
            var variable = name switch
            {
                "cluster" => InjectionKeys.ClusterVariable,
                "net" => InjectionKeys.NetworkVariable,
                _ => name.ToUpperInvariant(),
            };
            if (variable.Length > 0 && variables.Count < VariablesMax)
            {
                variables[variable] = value;
            }
        }

        return variables;
    }

    /// <summary>Names and values in turn; a last name without value is dropped.</summary>
    private static IEnumerable<(string Name, string Value)> Pairs(string[] parts)
    {
        for (var i = 0; i + 1 < parts.Length; i += 2)
        {
            yield return (parts[i], parts[i + 1].Replace(Slash, "/", StringComparison.Ordinal));
        }
    }

    private static IEnumerable<(string Name, string Value)> OldPairs(string text) =>
        from pair in text.Split(OldSeparator, StringSplitOptions.RemoveEmptyEntries)
        let mark = pair.IndexOf('=', StringComparison.Ordinal)
        where mark > 0
        select (pair[..mark], pair[(mark + 1)..]);
}
