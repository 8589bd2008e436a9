namespace Pilotfish.Proxy.Streams;

/// <summary>
/// Named typed objects of a connection or of a request. A request's state falls back to its connection's. Created on first write, so
/// streams whose filters leave nothing pay nothing.
/// </summary>
public sealed class FilterState(FilterState? connection)
{
    private readonly List<Entry> _entries = [];

    /// <summary>The connection's state that a request's state falls back to.</summary>
    public FilterState? Connection { get; } = connection;

    public IReadOnlyList<Entry> Entries => _entries;

    public IFilterStateObject? Get(string name)
    {
        foreach (Entry entry in _entries)
        {
            if (entry.Name == name)
            {
                return entry.Value;
            }
        }

        return Connection?.Get(name);
    }

    /// <summary>An object that also goes to the upstream side; null for one that does not.</summary>
    public IFilterStateObject? GetShared(string name)
    {
        foreach (Entry entry in _entries)
        {
            if (entry.Name == name)
            {
                return entry.Sharing == FilterStateSharing.None ? null : entry.Value;
            }
        }

        return Connection?.GetShared(name);
    }

    public T? Get<T>(string name)
        where T : class, IFilterStateObject => Get(name) as T;

    /// <summary>Sets an object; false when a read-only one of that name is there already.</summary>
    public bool Set(string name, IFilterStateObject value, bool readOnly = false, FilterStateSharing sharing = FilterStateSharing.None)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Name == name)
            {
                if (_entries[i].ReadOnly)
                {
                    return false;
                }

                _entries[i] = new Entry(name, value, readOnly, sharing);
                return true;
            }
        }

        _entries.Add(new Entry(name, value, readOnly, sharing));
        return true;
    }

    public void Clear() => _entries.Clear();

    public sealed record Entry(string Name, IFilterStateObject Value, bool ReadOnly, FilterStateSharing Sharing);
}
