namespace Pilotfish.ControlPlane.Registry;

/// <summary>Relations between label sets.</summary>
public static class Labels
{
    /// <summary>True when every pair of <paramref name="selector"/> is in <paramref name="labels"/>; an empty selector selects all.</summary>
    public static bool Contain(IReadOnlyDictionary<string, string> labels, IEnumerable<KeyValuePair<string, string>> selector)
    {
        foreach (var (key, value) in selector)
        {
            if (!labels.TryGetValue(key, out var own) || own != value)
            {
                return false;
            }
        }

        return true;
    }
}
