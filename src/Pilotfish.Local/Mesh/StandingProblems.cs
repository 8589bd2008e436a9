namespace Pilotfish.Local.Mesh;

/// <summary>
/// What is wrong now, by who found it. Each sentence is reported when it appears and listed while it stands; two that find the same
/// say it once. Called by one task only.
/// </summary>
internal sealed class StandingProblems(Action<string> report)
{
    private readonly SortedDictionary<string, IReadOnlyList<string>> _bySource = new(StringComparer.Ordinal);

    public IReadOnlyList<string> All => [.. _bySource.Values.SelectMany(problems => problems).Distinct()];

    /// <summary>Replaces what one source had found.</summary>
    public void Set(string source, IEnumerable<string> problems)
    {
        string[] known = [.. All];
        _bySource[source] = [.. problems];
        string[] now = [.. All];
        foreach (string fresh in now.Except(known))
        {
            report(fresh);
        }

        if (known.Length > 0 && now.Length == 0)
        {
            report("every problem is mended");
        }
    }
}
