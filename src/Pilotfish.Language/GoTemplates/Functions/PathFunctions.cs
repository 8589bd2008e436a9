namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions on slash-separated paths.</summary>
internal static class PathFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        foreach (var prefix in new[] { "", "os" })
        {
            Add(set, prefix, "base", Base);
            Add(set, prefix, "dir", path => Clean(path[..(path.LastIndexOf('/') + 1)]));
            Add(set, prefix, "clean", Clean);
            Add(set, prefix, "ext", Extension);
            set.Add(Name(prefix, "isAbs"), 1, a => GoValue.From(a.Text(0).StartsWith('/')));
        }
    }

    private static void Add(GoFunctionSet set, string prefix, string name, Func<string, string> function) =>
        set.Add(Name(prefix, name), 1, a => GoValue.From(function(a.Text(0))));

    private static string Name(string prefix, string name) =>
        prefix.Length == 0 ? name : prefix + char.ToUpperInvariant(name[0]) + name[1..];

    private static string Base(string path)
    {
        var trimmed = path.TrimEnd('/');
        return path.Length == 0 ? "." : trimmed.Length == 0 ? "/" : trimmed[(trimmed.LastIndexOf('/') + 1)..];
    }

    private static string Extension(string path)
    {
        var dot = path.LastIndexOf('.');
        return dot > path.LastIndexOf('/') ? path[dot..] : "";
    }

    private static string Clean(string path)
    {
        var isRooted = path.StartsWith('/');
        var kept = new List<string>();
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && kept.Count > 0 && kept[^1] != "..")
            {
                kept.RemoveAt(kept.Count - 1);
            }
            else if (part != "." && !(part == ".." && isRooted))
            {
                kept.Add(part);
            }
        }

        var joined = (isRooted ? "/" : "") + string.Join('/', kept);
        return joined.Length == 0 ? "." : joined;
    }
}
