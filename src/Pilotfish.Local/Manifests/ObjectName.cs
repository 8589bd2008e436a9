using System.Buffers;

namespace Pilotfish.Local.Manifests;

/// <summary>A namespaced name, written "namespace/name".</summary>
internal readonly record struct ObjectName(string Namespace, string Name)
{
    public const string DefaultNamespace = "default";

    /// <summary>Kubernetes' own bound (RFC 1123: a DNS subdomain).</summary>
    public const int LengthMax = 253;

    private static readonly SearchValues<char> s_allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    /// <summary>Whether an API server would take it as the name of an object or namespace.</summary>
    public static bool IsValid(string name) =>
        name.Length is > 0 and <= LengthMax
        && !name.AsSpan().ContainsAnyExcept(s_allowed)
        && char.IsAsciiLetterOrDigit(name[0])
        && char.IsAsciiLetterOrDigit(name[^1]);

    public override string ToString() => $"{Namespace}/{Name}";
}
