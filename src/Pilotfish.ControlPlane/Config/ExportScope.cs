namespace Pilotfish.ControlPlane.Config;

/// <summary>Who may see an object: everybody, its own namespace, named namespaces, or nobody.</summary>
public sealed class ExportScope
{
    public const string Annotation = "networking.istio.io/exportTo";

    public static readonly ExportScope Public = new(everywhere: true, namespaces: []);

    private readonly bool _everywhere;
    private readonly HashSet<string> _namespaces;

    private ExportScope(bool everywhere, HashSet<string> namespaces)
    {
        _everywhere = everywhere;
        _namespaces = namespaces;
    }

    public bool IsPublic => _everywhere;

    /// <summary>Reads `*`, `.`, `~` and namespace names; an empty list means the default, which is public.</summary>
    public static ExportScope Parse(IEnumerable<string> values, string ownNamespace)
    {
        HashSet<string>? namespaces = null;
        foreach (var raw in values)
        {
            var value = raw.Trim();
            namespaces ??= [];
            switch (value)
            {
                case "*": return Public;
                case ".": namespaces.Add(ownNamespace); break;
                case "~" or "": break;
                default: namespaces.Add(value); break;
            }
        }

        return namespaces is null ? Public : new ExportScope(everywhere: false, namespaces);
    }

    public bool VisibleTo(string ns) => _everywhere || _namespaces.Contains(ns);

    /// <summary>True when only the owner sees it: such objects win over public ones in their namespace.</summary>
    public bool IsPrivateTo(string ns) => !_everywhere && _namespaces.Count == 1 && _namespaces.Contains(ns);
}
