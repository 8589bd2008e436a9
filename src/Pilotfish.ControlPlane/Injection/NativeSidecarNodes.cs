using System.Globalization;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>
/// Whether sidecars are native ones where the pod does not choose: ENABLE_NATIVE_SIDECARS decides, and where it is `auto` or
/// unset, the versions of the nodes do.
/// </summary>
public static class NativeSidecarNodes
{
    public const string Variable = "ENABLE_NATIVE_SIDECARS";

    /// <summary>The first Kubernetes whose native sidecars are stable; 1.33.</summary>
    private const int MinorMin = 33;

    private const int Major = 1;

    /// <param name="setting">The variable's value.</param>
    /// <param name="kubeletVersions">Versions by the names of the nodes.</param>
    /// <param name="nodeName">Where the pod will run; empty when that is not decided, and then all nodes count.</param>
    public static bool Decide(string? setting, IReadOnlyDictionary<string, string> kubeletVersions, string nodeName)
    {
        switch (setting?.ToLowerInvariant())
        {
            case "true":
                return true;
            case "false":
                return false;
            default:
                return nodeName.Length > 0 && kubeletVersions.TryGetValue(nodeName, out var version)
                    ? IsNewEnough(version)
                    : kubeletVersions.Count > 0 && kubeletVersions.Values.All(IsNewEnough);
        }
    }

    /// <summary>"v1.33.2-gke.100": what cannot be read counts as old.</summary>
    private static bool IsNewEnough(string version)
    {
        var parts = version.TrimStart('v').Split('.');
        return parts.Length >= 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            && int.TryParse(parts[1].TrimEnd('+'), NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            && (major > Major || (major == Major && minor >= MinorMin));
    }
}
