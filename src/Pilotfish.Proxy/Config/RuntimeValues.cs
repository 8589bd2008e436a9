using System.Collections.Frozen;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// The runtime's values as the layers make them now, and the live handles of those who read one. The main loop replaces them; handles are
/// taken while config compiles (main loop); values may be looked up on any thread.
/// </summary>
public sealed class RuntimeValues
{
    internal const string BreakerPrefix = "circuit_breakers.";
    internal const string MaintenancePrefix = "upstream.maintenance_mode.";

    // Handles of models that are gone are swept when so many more were made than were alive.
    private const int SweepMin = 256;

    private readonly Dictionary<string, WeakReference<RuntimeKey>> _keys = new(StringComparer.Ordinal);
    private readonly List<Action> _observers = [];
    private volatile FrozenDictionary<string, RuntimeEntry> _entries = FrozenDictionary<string, RuntimeEntry>.Empty;
    private int _sweepAt = SweepMin;

    /// <summary>Every key that some layer has, with its final value.</summary>
    public IReadOnlyDictionary<string, RuntimeEntry> Entries => _entries;

    /// <summary>Whether any key is one of a single cluster: without, nobody looks for theirs. Any thread.</summary>
    internal bool NamesClusters { get; private set; }

    // Internal for testing.
    internal int HandleCount => _keys.Count;

    /// <summary>What a key says; null for one that is not set, and for no key. Any thread, not on the request path: take a <see cref="Key"/> there.</summary>
    public RuntimeEntry? Find(string key) => _entries.TryGetValue(key, out RuntimeEntry? entry) ? entry : null;

    /// <summary>As <see cref="Find"/>, as a number.</summary>
    public ulong? Number(string key) => Find(key)?.Integer;

    /// <summary>The live handle of a key; null for no key. Equal names have one handle for as long as somebody holds it. Main loop.</summary>
    public RuntimeKey? Key(string name)
    {
        if (name.Length == 0)
        {
            return null;
        }

        if (_keys.TryGetValue(name, out WeakReference<RuntimeKey>? known) && known.TryGetTarget(out RuntimeKey? key))
        {
            return key;
        }

        key = new RuntimeKey(name);
        key.Set(Find(name));
        _keys[name] = new WeakReference<RuntimeKey>(key);
        if (_keys.Count >= _sweepAt)
        {
            Sweep();
        }

        return key;
    }

    /// <summary>Runs the action after each change of a value, on the main loop, for the life of the process.</summary>
    public void OnChanged(Action action) => _observers.Add(action);

    /// <summary>Takes over what the layers say, given as text. Main loop.</summary>
    public void Replace(IEnumerable<KeyValuePair<string, string>> values)
    {
        var entries = new Dictionary<string, RuntimeEntry>(StringComparer.Ordinal);
        foreach ((string key, string value) in values)
        {
            entries[key] = RuntimeEntry.Of(value);
        }

        Replace(entries);
    }

    /// <summary>Takes over what the layers say. Main loop.</summary>
    public void Replace(IReadOnlyDictionary<string, RuntimeEntry> entries)
    {
        _entries = entries.ToFrozenDictionary(StringComparer.Ordinal);
        NamesClusters = NamesAnyCluster();
        foreach ((string name, WeakReference<RuntimeKey> reference) in _keys)
        {
            if (reference.TryGetTarget(out RuntimeKey? key))
            {
                key.Set(Find(name));
            }
        }

        foreach (Action observer in _observers)
        {
            observer();
        }
    }

    private bool NamesAnyCluster()
    {
        foreach (string key in _entries.Keys)
        {
            if (key.StartsWith(BreakerPrefix, StringComparison.Ordinal) || key.StartsWith(MaintenancePrefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private void Sweep()
    {
        foreach ((string name, WeakReference<RuntimeKey> reference) in _keys)
        {
            if (!reference.TryGetTarget(out _))
            {
                _keys.Remove(name);
            }
        }

        _sweepAt = Math.Max(SweepMin, _keys.Count * 2);
    }
}
