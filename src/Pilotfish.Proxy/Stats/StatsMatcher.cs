namespace Pilotfish.Proxy.Stats;

/// <summary>Decides which names exist at all: an inclusion or an exclusion list of name patterns, or all, or none.</summary>
internal sealed class StatsMatcher(bool include, IReadOnlyList<StatNamePattern> patterns)
{
    public static StatsMatcher All { get; } = new(include: false, []);

    public static StatsMatcher None { get; } = new(include: true, []);

    public bool Includes(string name)
    {
        foreach (StatNamePattern pattern in patterns)
        {
            if (pattern.Matches(name))
            {
                return include;
            }
        }

        return !include;
    }
}
