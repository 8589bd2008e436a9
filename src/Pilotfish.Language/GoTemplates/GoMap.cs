namespace Pilotfish.Language.GoTemplates;

/// <summary>A map with string keys that enumerates in key order, as `range` promises.</summary>
public sealed class GoMap
{
    private readonly SortedDictionary<string, GoValue> _entries;

    public GoMap()
        : this(hasStringValues: false)
    {
    }

    /// <param name="hasStringValues">A Go map[string]string: a lacking key reads as "" and not as nil.</param>
    public GoMap(bool hasStringValues)
    {
        HasStringValues = hasStringValues;
        _entries = new SortedDictionary<string, GoValue>(StringComparer.Ordinal);
    }

    public bool HasStringValues { get; }

    public int Count => _entries.Count;

    public IEnumerable<KeyValuePair<string, GoValue>> Entries => _entries;

    public IEnumerable<string> Keys => _entries.Keys;

    public string TypeName => HasStringValues ? "map[string]string" : "map[string]interface {}";

    /// <summary>The value of a key; for a lacking key what `.Map.key` gives in Go: no value, whatever the value type.</summary>
    public GoValue this[string key]
    {
        get => _entries.TryGetValue(key, out var value) ? value : GoValue.Missing;
        set => _entries[key] = value;
    }

    /// <summary>The value of a key; for a lacking key the zero value of the map's value type, as `index` gives.</summary>
    public GoValue IndexOrZero(string key) =>
        _entries.TryGetValue(key, out var value) ? value : HasStringValues ? GoValue.From("") : GoValue.Nil;

    public bool ContainsKey(string key) => _entries.ContainsKey(key);

    public bool TryGetValue(string key, out GoValue value) => _entries.TryGetValue(key, out value);

    public bool Remove(string key) => _entries.Remove(key);

    public GoMap Copy()
    {
        var copy = new GoMap(HasStringValues);
        foreach (var (key, value) in _entries)
        {
            copy[key] = value;
        }

        return copy;
    }

    internal bool ContentEquals(GoMap other)
    {
        if (Count != other.Count)
        {
            return false;
        }

        foreach (var (key, value) in _entries)
        {
            if (!other.TryGetValue(key, out var theirs) || !value.Equals(theirs))
            {
                return false;
            }
        }

        return true;
    }
}
