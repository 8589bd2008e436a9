using System.Collections.Immutable;

namespace Pilotfish.ControlPlane.Config;

/// <summary>All objects at one moment. Immutable; a new one shares what did not change.</summary>
public sealed class ConfigSnapshot
{
    public static readonly ConfigSnapshot Empty = new(ImmutableDictionary<ConfigKey, ConfigObject>.Empty);

    private readonly ImmutableDictionary<ConfigKey, ConfigObject> _objects;

    private ConfigSnapshot(ImmutableDictionary<ConfigKey, ConfigObject> objects) => _objects = objects;

    public int Count => _objects.Count;

    public IEnumerable<ConfigObject> All => _objects.Values;

    public ConfigObject? Find(ConfigKey key) => _objects.GetValueOrDefault(key);

    /// <summary>Objects of a kind in the order in which they win.</summary>
    public List<ConfigObject> OfKind(ConfigKind kind)
    {
        var found = new List<ConfigObject>();
        foreach (var (key, value) in _objects)
        {
            if (key.Kind == kind)
            {
                found.Add(value);
            }
        }

        found.Sort(ConfigOrder.Instance);
        return found;
    }

    /// <summary>The snapshot that holds exactly <paramref name="objects"/>, and the keys by which it differs from this one.</summary>
    public (ConfigSnapshot Next, HashSet<ConfigKey> Changed) ReplaceAll(IEnumerable<ConfigObject> objects)
    {
        var changed = new HashSet<ConfigKey>();
        var seen = new HashSet<ConfigKey>();
        var builder = _objects.ToBuilder();
        foreach (var item in objects)
        {
            // The first object of a key wins: sources hand over in a stable order.
            if (!seen.Add(item.Key))
            {
                continue;
            }

            if (!_objects.TryGetValue(item.Key, out var old) || old.ContentHash != item.ContentHash)
            {
                builder[item.Key] = item;
                changed.Add(item.Key);
            }
        }

        foreach (var key in _objects.Keys)
        {
            if (!seen.Contains(key))
            {
                builder.Remove(key);
                changed.Add(key);
            }
        }

        return changed.Count == 0 ? (this, changed) : (new ConfigSnapshot(builder.ToImmutable()), changed);
    }
}
