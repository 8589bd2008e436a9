namespace Pilotfish.Local.Pods;

/// <summary>Where files of a volume come from.</summary>
internal abstract record VolumeSource
{
    private VolumeSource()
    {
    }

    /// <summary>Keys of a ConfigMap or Secret as files; <paramref name="Items"/> selects and renames, empty takes all.</summary>
    public sealed record Keys(string Object, bool IsSecret, bool IsOptional, IReadOnlyDictionary<string, string> Items) : VolumeSource;

    /// <summary>Facts of the pod: path to field.</summary>
    public sealed record Downward(string Path, string? FieldPath, ResourceReference? Resource) : VolumeSource;

    public sealed record Token(string Path, string Audience, TimeSpan Lifetime) : VolumeSource;
}
