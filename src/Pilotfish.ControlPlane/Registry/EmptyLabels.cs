using System.Collections.Frozen;

namespace Pilotfish.ControlPlane.Registry;

/// <summary>The shared empty label set.</summary>
internal static class EmptyLabels
{
    public static readonly IReadOnlyDictionary<string, string> Instance = FrozenDictionary<string, string>.Empty;
}
