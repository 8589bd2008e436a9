using System.Text;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The table of interned cluster names: whoever names a cluster, before or after it exists, gets the same reference. Written on the main
/// loop; workers look names up in an immutable snapshot (cluster_header).
/// </summary>
public sealed class ClusterReferences
{
    private readonly Dictionary<string, ClusterReference> _byName = new(StringComparer.Ordinal);
    private volatile Dictionary<string, ClusterReference>? _snapshot;
    private bool _unpublished;
    private bool _looksUp;
    private List<ClusterReference>? _arriving;

    /// <summary>Held while one of the table's clusters wakes.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>For whoever sends traffic to the cluster. Main loop only.</summary>
    public ClusterReference Reference(string name)
    {
        ClusterReference reference = Own(name);
        reference.IsNamed = true;
        if (reference.IsArriving)
        {
            _arriving?.Add(reference);
        }

        return reference;
    }

    /// <summary>Which of the clusters that <paramref name="compile"/> names are still arriving. Main loop only.</summary>
    public IReadOnlyList<ClusterReference> Arriving(Action compile)
    {
        List<ClusterReference> arriving = _arriving = [];
        try
        {
            compile();
        }
        finally
        {
            _arriving = null;
        }

        return arriving;
    }

    /// <summary>For the cluster itself. Main loop only.</summary>
    internal ClusterReference Own(string name)
    {
        if (!_byName.TryGetValue(name, out ClusterReference? reference))
        {
            reference = new ClusterReference(name, Gate);
            _byName.Add(name, reference);
            _unpublished = true;
        }

        return reference;
    }

    /// <summary>Main loop only: the name as the table has it, so that one string serves all who name a cluster.</summary>
    public string Intern(string name) => _byName.TryGetValue(name, out ClusterReference? known) ? known.Name : name;

    /// <summary>Main loop only: some route finds its cluster by a header. Until one does, no snapshot is made.</summary>
    public void EnableLookup()
    {
        _looksUp = true;
        Publish();
    }

    /// <summary>Main loop only: makes the present names visible to <see cref="Find"/>. Called after a push, not for each name.</summary>
    public void Publish()
    {
        if (_unpublished && _looksUp)
        {
            _unpublished = false;
            _snapshot = new Dictionary<string, ClusterReference>(_byName, StringComparer.Ordinal);
        }
    }

    /// <summary>Any thread. Null for names that were not published, and for all before <see cref="EnableLookup"/>.</summary>
    public ClusterReference? Find(ReadOnlySpan<byte> name) => _snapshot?.GetValueOrDefault(Encoding.UTF8.GetString(name));
}
