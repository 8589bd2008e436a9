namespace Pilotfish.Proxy.Xds;

/// <summary>The names of one type in a <see cref="ResourceTable"/> that are asked for one by one. Main loop.</summary>
internal sealed class DemandedNames(SubscribedType type, Action changed) : IDemandedNames
{
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private Action<IReadOnlyList<string>>? _listeners;

    public int Count => _names.Count;

    /// <summary>In the order of requests.</summary>
    public IEnumerable<string> Names => _names;

    public void WhenAnswered(Action<IReadOnlyList<string>> listener) => _listeners += listener;

    public void StopAnswering(Action<IReadOnlyList<string>> listener) => _listeners -= listener;

    public void Ask(string name)
    {
        _names.Add(name);
        type.Removed.Remove(name);
        if (type.Added.Add(name))
        {
            changed();
        }
    }

    public void GiveUp(string name)
    {
        if (!_names.Remove(name))
        {
            return;
        }

        // A name that was asked for again is in both places: the control plane knows it from before.
        type.Added.Remove(name);
        type.Removed.Add(name);
        changed();
    }

    public void Answered(DiscoveryArrival response) => _listeners?.Invoke(response.Named());
}
