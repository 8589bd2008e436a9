namespace Pilotfish.ControlPlane.Config;

/// <summary>Who wins among objects of a kind that collide: the oldest, then by name, then by namespace.</summary>
public sealed class ConfigOrder : IComparer<ConfigObject>
{
    public static readonly ConfigOrder Instance = new();

    public int Compare(ConfigObject? x, ConfigObject? y)
    {
        if (x is null || y is null)
        {
            return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        }

        var byAge = x.Meta.CreationTime.CompareTo(y.Meta.CreationTime);
        if (byAge != 0)
        {
            return byAge;
        }

        var byName = string.CompareOrdinal(x.Meta.Name, y.Meta.Name);
        return byName != 0 ? byName : string.CompareOrdinal(x.Meta.Namespace, y.Meta.Namespace);
    }
}
