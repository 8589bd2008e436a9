using Envoy.Config.Bootstrap.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;
using LayerMessage = Envoy.Config.Bootstrap.V3.RuntimeLayer;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>
/// The layers of layered_runtime, later ones over earlier ones, and the values that result, which it hands to <see cref="RuntimeValues"/> at each
/// change of a layer. Main loop.
/// </summary>
internal sealed class RuntimeLoader : IDisposable
{
    /// <summary>Folders of the disk are looked at this often, one system call each.</summary>
    internal const int PollMilliseconds = 1000;

    private readonly RuntimeValues _values;
    private readonly EventLoop _loop;
    private readonly StatCells _cells;
    private readonly RuntimeStats _stats;
    private readonly string _serviceCluster;
    private readonly List<RuntimeLayer> _layers = [];
    private readonly List<RtdsLayer> _discovered = [];
    private readonly List<IDisposable> _subscriptions = [];
    private readonly LoopTimer _poll;
    private readonly List<(string Name, IReadOnlyDictionary<string, RuntimeEntry> Values)> _loaded = [];
    private HeldLayer? _admin;

    /// <param name="values">Where the values go.</param>
    /// <param name="stats">For `runtime.*`.</param>
    /// <param name="loop">The main loop.</param>
    /// <param name="serviceCluster">The node's cluster: the subfolder of layers with append_service_cluster.</param>
    public RuntimeLoader(RuntimeValues values, StatsStore stats, EventLoop loop, string serviceCluster)
    {
        _values = values;
        _loop = loop;
        _cells = stats.Main;
        _stats = new RuntimeStats(stats.Scope("runtime"));
        _serviceCluster = serviceCluster;
        _poll = new LoopTimer(loop, static state => ((RuntimeLoader)state!).Poll(), this);
    }

    /// <summary>The layers that could be loaded, in their order.</summary>
    public IReadOnlyList<(string Name, IReadOnlyDictionary<string, RuntimeEntry> Values)> Loaded => _loaded;

    public bool HasAdminLayer => _admin is not null;

    public RuntimeValues Values => _values;

    /// <summary>Takes the bootstrap's layers over. Once. Throws <see cref="ConfigRejectedException"/>.</summary>
    public void Configure(LayeredRuntime? config)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (config?.Layers.Count ?? 0); i++)
        {
            string field = $"layered_runtime.layers[{i}]";
            LayerMessage layer = config!.Layers[i];
            if (layer.Name.Length == 0)
            {
                throw new ConfigRejectedException($"{field}.name", "the layer has no name");
            }

            if (!names.Add(layer.Name))
            {
                throw new ConfigRejectedException($"{field}.name", $"Duplicate layer name: {layer.Name}");
            }

            _layers.Add(Compile(layer, field));
        }

        if (_layers.Count == 0)
        {
            // As Envoy: without a word about the runtime, operators may still change it.
            _layers.Add(_admin = new HeldLayer("", []));
        }

        Load();
        if (_layers.Exists(static layer => layer is DiskLayer))
        {
            _poll.Schedule(PollMilliseconds);
        }
    }

    /// <summary>Asks for the layers that control planes serve; the action runs once when each came or its time is over, at once without any.</summary>
    public void Subscribe(ISubscriptions subscriptions, Action known)
    {
        int waiting = _discovered.Count;
        if (waiting == 0)
        {
            known();
            return;
        }

        foreach (RtdsLayer layer in _discovered)
        {
            _subscriptions.Add(layer.Subscribe(subscriptions, () =>
            {
                if (--waiting == 0)
                {
                    known();
                }
            }));
        }
    }

    /// <summary>Values of the admin layer; an empty one takes its key away. Only with <see cref="HasAdminLayer"/>.</summary>
    public void Merge(IEnumerable<(string Name, string Value)> values)
    {
        HeldLayer admin = _admin ?? throw new InvalidOperationException("There is no admin layer.");
        foreach ((string name, string value) in values)
        {
            if (value.Length == 0)
            {
                admin.Values.Remove(name);
            }
            else
            {
                admin.Values[name] = RuntimeEntry.Of(value);
            }
        }

        _cells.Set(_stats.AdminOverridesActive, admin.Values.Count > 0 ? 1 : 0);
        Load();
    }

    public void Dispose()
    {
        _poll.Cancel();
        foreach (IDisposable subscription in _subscriptions)
        {
            subscription.Dispose();
        }
    }

    private RuntimeLayer Compile(LayerMessage layer, string field)
    {
        switch (layer.LayerSpecifierCase)
        {
            case LayerMessage.LayerSpecifierOneofCase.StaticLayer:
                return new HeldLayer(layer.Name, LayerValues.Of(layer.StaticLayer, $"{field}.static_layer"));
            case LayerMessage.LayerSpecifierOneofCase.AdminLayer when _admin is not null:
                throw new ConfigRejectedException(
                    $"{field}.admin_layer", "Too many admin layers specified in LayeredRuntime, at most one may be specified");
            case LayerMessage.LayerSpecifierOneofCase.AdminLayer:
                return _admin = new HeldLayer(layer.Name, []);
            case LayerMessage.LayerSpecifierOneofCase.DiskLayer:
                return Disk(layer.Name, layer.DiskLayer, $"{field}.disk_layer");
            case LayerMessage.LayerSpecifierOneofCase.RtdsLayer:
                return Discovered(layer.Name, layer.RtdsLayer, $"{field}.rtds_layer");
            default:
                throw new ConfigRejectedException(field, "the layer is none of static_layer, disk_layer, admin_layer and rtds_layer");
        }
    }

    private DiskLayer Disk(string name, LayerMessage.Types.DiskLayer disk, string field)
    {
        if (disk.SymlinkRoot.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.symlink_root", "the path is missing");
        }

        string path = Path.Combine(disk.SymlinkRoot, disk.Subdirectory);
        return new DiskLayer(name, disk.SymlinkRoot, disk.AppendServiceCluster ? Path.Combine(path, _serviceCluster) : path);
    }

    private HeldLayer Discovered(string name, LayerMessage.Types.RtdsLayer rtds, string field)
    {
        if (rtds.RtdsConfig is null)
        {
            throw new ConfigRejectedException($"{field}.rtds_config", "the config source is missing");
        }

        var layer = new HeldLayer(name, []);
        _discovered.Add(new RtdsLayer(layer, rtds.Name, rtds.RtdsConfig, Load));
        return layer;
    }

    private void Load()
    {
        _loaded.Clear();
        var values = new Dictionary<string, RuntimeEntry>(StringComparer.Ordinal);
        int folders = 0;
        bool failed = false;
        foreach (RuntimeLayer layer in _layers)
        {
            if (layer is DiskLayer { Exists: false })
            {
                continue;
            }

            if (layer.Read() is not { } read)
            {
                failed = true;
                continue;
            }

            folders += layer is DiskLayer ? 1 : 0;
            _loaded.Add((layer.Name, read));
            foreach ((string key, RuntimeEntry value) in read)
            {
                values[key] = value;
            }
        }

        _cells.Add(failed ? _stats.LoadError : _stats.LoadSuccess);
        _cells.Add(folders > 1 ? _stats.OverrideExists : _stats.OverrideMissing);
        _cells.Set(_stats.LayerCount, _loaded.Count);
        _cells.Set(_stats.KeyCount, values.Count);
        _values.Replace(values);
    }

    private void Poll()
    {
        bool isReplaced = false;
        foreach (RuntimeLayer layer in _layers)
        {
            isReplaced |= layer is DiskLayer disk && disk.IsReplaced();
        }

        if (isReplaced)
        {
            Load();
        }

        _poll.Schedule(PollMilliseconds);
    }
}
