namespace Pilotfish.Local.Manifests;

/// <summary>Everything that the directory says at one moment. A file that does not parse contributes its last good objects.</summary>
internal sealed record ManifestSet(IReadOnlyList<ManifestObject> Objects)
{
    public static readonly ManifestSet Empty = new([]);

    public IEnumerable<ManifestObject> OfKind(string kind) => Objects.Where(o => o.Kind == kind);

    public ManifestObject? Find(string kind, ObjectName name) =>
        Objects.FirstOrDefault(o => o.Kind == kind && o.Name == name);

    public IReadOnlyDictionary<string, string> NamespaceLabels(string name) =>
        Objects.FirstOrDefault(o => o.Kind == "Namespace" && o.Name.Name == name)?.Metadata.TextMapOf("labels")
        ?? new Dictionary<string, string>();
}
