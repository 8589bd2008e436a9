using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Api.Yaml;

/// <summary>Keys and values in the order of the file. Keys are text: YAML's other key types appear in no manifest.</summary>
public sealed class YamlMapping(SourcePosition position = default) : YamlNode(position)
{
    // Below this size a scan of the list is quicker than hashing, and most mappings stay below it.
    private const int IndexFromCount = 9;

    private readonly List<YamlEntry> _entries = [];
    private Dictionary<string, int>? _index;

    public IReadOnlyList<YamlEntry> Entries => _entries;

    public int Count => _entries.Count;

    public override string KindName => "a mapping";

    /// <summary>The value of a key, or null where the key is missing. Setting a key keeps its place in the order.</summary>
    [DisallowNull]
    public YamlNode? this[string key]
    {
        get => Find(key) is int at and >= 0 ? _entries[at].Value : null;
        set
        {
            int at = Find(key);
            if (at >= 0)
            {
                _entries[at] = _entries[at] with { Value = value };
                return;
            }

            Add(new YamlEntry(key, value.Position, value));
        }
    }

    public bool ContainsKey(string key) => Find(key) >= 0;

    public YamlEntry? FindEntry(string key) => Find(key) is int at and >= 0 ? _entries[at] : null;

    public YamlMapping? Mapping(string key) => this[key] as YamlMapping;

    public YamlSequence? Sequence(string key) => this[key] as YamlSequence;

    /// <summary>The text of a scalar value; null where the key is missing, null or no scalar.</summary>
    public string? Text(string key) => this[key] is YamlScalar { Kind: not YamlScalarKind.Null } scalar ? scalar.Text : null;

    public void Set(string key, string text) => this[key] = YamlScalar.String(text);

    /// <summary>False, and nothing changed, where the key is there already.</summary>
    public bool TryAdd(YamlEntry entry)
    {
        if (ContainsKey(entry.Key))
        {
            return false;
        }

        Add(entry);
        return true;
    }

    public bool Remove(string key)
    {
        int at = Find(key);
        if (at < 0)
        {
            return false;
        }

        _entries.RemoveAt(at);
        _index = null;
        return true;
    }

    public override YamlNode Clone()
    {
        var copy = new YamlMapping(Position);
        foreach (YamlEntry entry in _entries)
        {
            copy.Add(entry with { Value = entry.Value.Clone() });
        }

        return copy;
    }

    public override bool ContentEquals(YamlNode? other)
    {
        if (other is not YamlMapping mapping || mapping.Count != Count)
        {
            return false;
        }

        foreach (YamlEntry entry in _entries)
        {
            if (!entry.Value.ContentEquals(mapping[entry.Key]))
            {
                return false;
            }
        }

        return true;
    }

    private void Add(YamlEntry entry)
    {
        _index?.Add(entry.Key, _entries.Count);
        _entries.Add(entry);
    }

    private int Find(string key)
    {
        if (_entries.Count < IndexFromCount)
        {
            for (int i = 0; i < _entries.Count; i++)
            {
                if (string.Equals(_entries[i].Key, key, StringComparison.Ordinal))
                {
                    return i;
                }
            }

            return -1;
        }

        if (_index is null)
        {
            _index = new Dictionary<string, int>(_entries.Count * 2, StringComparer.Ordinal);
            for (int i = 0; i < _entries.Count; i++)
            {
                _index.Add(_entries[i].Key, i);
            }
        }

        return _index.TryGetValue(key, out int at) ? at : -1;
    }
}
