using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>What Istio refuses among headers that a route or a destination changes.</summary>
internal static class HttpHeaderRules
{
    private const string Authority = ":authority";
    private const string Host = "host";

    public static void Check(YamlMapping? headers, string path, ConfigProblems problems)
    {
        foreach (var side in new[] { "request", "response" })
        {
            if (headers?.Mapping(side) is not { } operations)
            {
                continue;
            }

            foreach (var operation in new[] { "set", "add" })
            {
                foreach (var entry in operations.Mapping(operation)?.Entries ?? [])
                {
                    var inner = $"{path}.{side}.{operation}[{entry.Key}]";
                    CheckName(entry.Key, inner, maySetAuthority: side == "request", problems);
                    CheckValue((entry.Value as YamlScalar)?.Text ?? "", inner, problems);
                }
            }

            var removed = operations.Sequence("remove")?.Items ?? [];
            for (var i = 0; i < removed.Count; i++)
            {
                CheckName((removed[i] as YamlScalar)?.Text ?? "", $"{path}.{side}.remove[{i}]", maySetAuthority: false, problems);
            }
        }
    }

    /// <summary>The authority can be rewritten in one place only.</summary>
    public static void CheckAuthority(YamlMapping route, string path, ConfigProblems problems)
    {
        var places = route.Mapping("rewrite")?.Text("authority") is { Length: > 0 } ? 1 : 0;
        foreach (var operation in new[] { "set", "add" })
        {
            places += route.Mapping("headers")?.Mapping("request")?.Mapping(operation)?.Entries.Count(entry => IsAuthority(entry.Key)) ?? 0;
        }

        if (places > 1)
        {
            problems.Add($"{path}.headers.request", "the authority is set in more than one place.");
        }
    }

    private static void CheckName(string name, string path, bool maySetAuthority, ConfigProblems problems)
    {
        if (name.Length == 0)
        {
            problems.Add(path, "a header's name is empty.");
        }
        else if (!(maySetAuthority && IsAuthority(name)) && (name[0] == ':' || name.Equals(Host, StringComparison.OrdinalIgnoreCase)))
        {
            problems.Add(path, $"the header '{name}' cannot be changed here.");
        }
    }

    private static void CheckValue(string value, string path, ConfigProblems problems)
    {
        if (value.Any(c => (c < ' ' && c != '\t') || c == '\u007f'))
        {
            problems.Add(path, "the value has control characters.");
        }
        else if (!HasPairedPercents(value))
        {
            problems.Add(path, $"'{value}' has a '%' that begins no operator such as %HOSTNAME%; write '%%' for a percent sign.");
        }
    }

    /// <summary>`%%` is a sign, `%NAME%` and `%NAME(ARGUMENT):LENGTH%` are operators.</summary>
    private static bool HasPairedPercents(string value)
    {
        for (var i = value.IndexOf('%', StringComparison.Ordinal); i >= 0; i = i + 1 < value.Length ? value.IndexOf('%', i + 1) : -1)
        {
            var end = value.IndexOf('%', i + 1);
            if (end < 0 || (end > i + 1 && !char.IsAsciiLetterUpper(value[i + 1])))
            {
                return false;
            }

            i = end;
        }

        return true;
    }

    private static bool IsAuthority(string name) =>
        name.Equals(Authority, StringComparison.OrdinalIgnoreCase) || name.Equals(Host, StringComparison.OrdinalIgnoreCase);
}
