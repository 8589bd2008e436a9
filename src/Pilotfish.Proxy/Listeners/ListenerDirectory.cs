using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// All listeners of the process. A socket belongs to an address: an update swaps the model behind it, keeps chains of equal
/// content with their connections, and drains the others. Main loop.
/// </summary>
public sealed class ListenerDirectory : IResourceCollection
{
    private readonly CompileContext _context;
    private readonly ListenerCompiler _compiler;
    private readonly ConnectionAcceptor _acceptor;
    private readonly ChainDrainer _drainer;
    private readonly ConnectionLimits _limits;
    private readonly DrainTrigger _processDrain = new();
    private readonly DrainOptions _drainOptions;
    private readonly ListenerTable _table = new();
    private readonly ListenerManagerStats _stats;
    private readonly Dictionary<string, ListenerEntry> _entries = [];
    private bool _serving;
    private int _draining;
    private int _unnamed;

    public ListenerDirectory(CompileContext context, DrainOptions drain, ConnectionLimits limits)
    {
        _context = context;
        _limits = limits;
        _drainOptions = drain;
        _compiler = new ListenerCompiler(context);
        _acceptor = new ConnectionAcceptor(_table);
        _stats = new ListenerManagerStats(context.Stats.Scope("listener_manager"));
        _drainer = new ChainDrainer(context.Workers, drain, context.Stats.Main, _stats.ChainsDraining);
    }

    /// <summary>What serves now, for admin.</summary>
    public IReadOnlyList<ListenerModel> Active
    {
        get
        {
            var models = new List<ListenerModel>(_entries.Count);
            foreach (ListenerEntry entry in _entries.Values)
            {
                if (entry.State.Model is { } model)
                {
                    models.Add(model);
                }
            }

            return models;
        }
    }

    public int WarmingCount { get; private set; }

    /// <summary>Whether any listener exists and none of them waits for resources: half of readiness.</summary>
    public bool IsWarm => WarmingCount == 0;

    /// <summary>Where a listener really listens (port 0 resolved); empty without sockets.</summary>
    public IReadOnlyList<NetAddress> BoundAddresses(string name) =>
        _entries.TryGetValue(name, out ListenerEntry? entry) && entry.Sockets is { } sockets ? sockets.Bound : [];

    /// <summary>Opens the sockets of what is warm, and from then on of what becomes warm. Returns what could not be bound.</summary>
    public IReadOnlyList<string> StartServing()
    {
        _serving = true;
        var problems = new List<string>();
        foreach (ListenerEntry entry in _entries.Values)
        {
            if (entry.State.Model is { } model && OpenSockets(entry, model) is { } problem)
            {
                problems.Add($"listener '{model.Name}' {problem}");
            }
        }

        return problems;
    }

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        // Removals first: an added listener may take a removed one's address.
        foreach (string name in removed)
        {
            Remove(name);
        }

        foreach (ResourceUpdate update in added)
        {
            try
            {
                _context.ResourceName = update.Name;
                Add(update);
            }
            catch (ConfigRejectedException e)
            {
                _context.Stats.Main.Add(_stats.CreateFailure);
                rejected.Add(new RejectedResource(update.Name, e.Message));
            }
            catch (InvalidProtocolBufferException e)
            {
                _context.Stats.Main.Add(_stats.CreateFailure);
                rejected.Add(new RejectedResource(update.Name, $"the resource is not a valid Listener: {e.Message}"));
            }
        }

        UpdateTable();
    }

    /// <summary>Idle HTTP connections of every listener that heeds the overload manager close.</summary>
    public void CloseIdleHttpConnections()
    {
        foreach (ListenerEntry entry in _entries.Values)
        {
            if (entry.State.Model is { } model && model.Overload != Overload.OverloadState.Inactive)
            {
                _drainer.CloseIdle(model.AllChains);
            }
        }
    }

    /// <summary>reset_high_memory_stream, for every listener that heeds the overload manager.</summary>
    internal void ResetHighMemoryStreams(Overload.HighMemoryReset reset)
    {
        var chains = new List<FilterChainModel>();
        foreach (ListenerEntry entry in _entries.Values)
        {
            if (entry.State.Model is { } model && model.Overload != Overload.OverloadState.Inactive)
            {
                chains.AddRange(model.AllChains);
            }
        }

        _drainer.ResetHighMemoryStreams(chains, reset);
    }

    /// <summary>Stops accepting and drains: /drain_listeners and the agent's shutdown.</summary>
    /// <param name="inboundOnly">Leaves listeners that are not INBOUND alone.</param>
    /// <param name="graceful">Waits the drain time before sockets close; otherwise they close now.</param>
    public void Drain(bool inboundOnly, bool graceful)
    {
        foreach (ListenerEntry entry in _entries.Values)
        {
            if (entry.State.Model is not { } model || (inboundOnly && model.Direction != TrafficDirection.Inbound))
            {
                continue;
            }

            _context.Stats.Main.Add(_stats.Stopped);
            if (graceful)
            {
                _drainer.Drain(model.AllChains, () => CloseSockets(entry));
            }
            else
            {
                CloseSockets(entry);
            }
        }
    }

    /// <summary>/healthcheck/fail: connections of listeners with drain_type DEFAULT are asked to close; accepting goes on.</summary>
    public void DrainProcess() =>
        _processDrain.Start(_context.Workers.MainLoop.NowMilliseconds, _drainOptions.Milliseconds, _drainOptions.Strategy);

    private void Add(ResourceUpdate update)
    {
        Listener listener = Listener.Parser.ParseFrom(update.Message.Span);
        string name = listener.Name.Length > 0 ? listener.Name
            : update.Name.Length > 0 ? update.Name
            : $"listener_{_unnamed++}";
        ListenerEntry? entry = _entries.GetValueOrDefault(name);
        ListenerModel? present = entry?.WarmingModel ?? entry?.State.Model;
        if (present is not null && present.Message.AsSpan().SequenceEqual(update.Message.Span))
        {
            return;
        }

        bool isNew = entry is null;
        entry ??= new ListenerEntry(CreateState(name, listener));
        var warming = new Warming();
        ListenerModel model = _compiler.Compile(listener, update.Message.ToArray(), entry.State, warming);
        RejectDuplicateAddress(model);
        Abandon(entry);
        _entries[name] = entry;
        _context.Stats.Main.Add(isNew ? _stats.Added : _stats.Modified);
        entry.Warming = warming;
        entry.WarmingModel = model;
        WarmingCount++;
        string? problem = null;
        bool returned = false;
        warming.WhenReady(() =>
        {
            problem = Activate(entry, model);
            if (returned && problem is not null)
            {
                Log.Error(LogComponent.Config, $"listener '{model.Name}' {problem}");
            }
        });
        returned = true;
        if (problem is not null)
        {
            throw new ConfigRejectedException("address", problem);
        }
    }

    private ListenerState CreateState(string name, Listener listener)
    {
        string address = listener.Address?.SocketAddress is { } socket
            ? socket.Address.Contains(':') ? $"[{socket.Address}]_{socket.PortValue}" : $"{socket.Address}_{socket.PortValue}"
            : name;
        StatScope scope = _context.Stats.Scope("listener." + (listener.StatPrefix.Length > 0 ? listener.StatPrefix : address));
        DrainWatcher? process = listener.DrainType == Listener.Types.DrainType.ModifyOnly ? null : _processDrain.Watcher;
        return new ListenerState(
            name, new ListenerStats(scope), _limits.ForListener(name), _limits.Global, process, _context.Workers.Count);
    }

    private void RejectDuplicateAddress(ListenerModel model)
    {
        foreach (ListenerEntry other in _entries.Values)
        {
            if (other.State == model.State || (other.WarmingModel ?? other.State.Model) is not { } present)
            {
                continue;
            }

            foreach (NetAddress address in model.Addresses)
            {
                if (address.Port != 0 && Contains(present.Addresses, address))
                {
                    model.Release();
                    ListenerCompiler.ReleaseNew(model.AllChains, model.State);
                    throw new ConfigRejectedException(
                        "address", $"listener '{model.Name}' has the address '{address}', which listener '{present.Name}' has already");
                }
            }
        }
    }

    private void Abandon(ListenerEntry entry)
    {
        if (entry.WarmingModel is { } superseded)
        {
            entry.Warming!.Abandon();
            entry.WarmingModel = null;
            WarmingCount--;
            superseded.Release();
            ListenerCompiler.ReleaseNew(superseded.AllChains, entry.State);
        }
    }

    /// <summary>The warm model takes over. Returns why its sockets cannot be had, in which case the former one stays.</summary>
    private string? Activate(ListenerEntry entry, ListenerModel model)
    {
        entry.Warming = null;
        entry.WarmingModel = null;
        WarmingCount--;
        ListenerModel? former = entry.State.Model;
        if (_serving && OpenSockets(entry, model) is { } problem)
        {
            model.Release();
            ListenerCompiler.ReleaseNew(model.AllChains, entry.State);
            if (former is null)
            {
                _entries.Remove(entry.State.Name);
            }

            return problem;
        }

        entry.State.Publish(model);
        UpdateTable();
        if (former is not null)
        {
            _context.Stats.Main.Add(_stats.InPlaceUpdated);
            former.Release();
            _drainer.Drain(Missing(former.AllChains, model.AllChains));
        }

        return null;
    }

    private string? OpenSockets(ListenerEntry entry, ListenerModel model)
    {
        if (!model.BindToPort)
        {
            CloseSockets(entry);
            return null;
        }

        if (entry.Sockets is { } present && Same(present.Configured, model.Addresses) && Same(present.Options, model.Sockets))
        {
            return null;
        }

        ListenerSockets? opened = ListenerSockets.TryOpen(model, entry.Sockets, _context.Workers, _acceptor, out string? problem);
        if (opened is null)
        {
            _context.Stats.Main.Add(_stats.CreateFailure);
            return problem;
        }

        _context.Stats.Main.Add(_stats.CreateSuccess);
        CloseSockets(entry);
        entry.Sockets = opened;
        return null;
    }

    private void Remove(string name)
    {
        if (!_entries.Remove(name, out ListenerEntry? entry))
        {
            return;
        }

        _context.Stats.Main.Add(_stats.Removed);
        Abandon(entry);
        CloseSockets(entry);
        if (entry.State.Model is not { } model)
        {
            return;
        }

        UpdateGauges(drainingChange: 1);
        entry.State.Drain.Start(
            _context.Workers.MainLoop.NowMilliseconds, _drainOptions.Milliseconds, _drainOptions.Strategy);

        // Posted after the sockets' closing, so that what waited in their backlogs has been taken in.
        _context.Workers.PostAll(static _ => { }, entry.State.StopAccepting);
        _drainer.Drain(model.AllChains, () =>
        {
            UpdateGauges(drainingChange: -1);
            model.Release();
            entry.State.Stats.Scope.Dispose();
        });
    }

    private static void CloseSockets(ListenerEntry entry)
    {
        entry.Sockets?.Close();
        entry.Sockets = null;
    }

    private void UpdateTable()
    {
        var byAddress = new Dictionary<NetAddress, ListenerState>();
        foreach (ListenerEntry entry in _entries.Values)
        {
            if (entry.State.Model is { } model)
            {
                foreach (NetAddress address in model.Addresses)
                {
                    byAddress.TryAdd(address, entry.State);
                }
            }
        }

        _table.Replace(byAddress);
        UpdateGauges(drainingChange: 0);
    }

    private void UpdateGauges(int drainingChange)
    {
        _draining += drainingChange;
        int active = 0;
        foreach (ListenerEntry entry in _entries.Values)
        {
            active += entry.State.Model is null ? 0 : 1;
        }

        StatCells cells = _context.Stats.Main;
        cells.Set(_stats.Active, active);
        cells.Set(_stats.Warming, WarmingCount);
        cells.Set(_stats.Draining, _draining);
    }

    private static List<FilterChainModel> Missing(IReadOnlyList<FilterChainModel> former, IReadOnlyList<FilterChainModel> present)
    {
        var kept = new HashSet<FilterChainModel>(present);
        var missing = new List<FilterChainModel>();
        foreach (FilterChainModel chain in former)
        {
            if (!kept.Contains(chain))
            {
                missing.Add(chain);
            }
        }

        return missing;
    }

    private static bool Contains(IReadOnlyList<NetAddress> addresses, NetAddress address)
    {
        foreach (NetAddress candidate in addresses)
        {
            if (candidate == address)
            {
                return true;
            }
        }

        return false;
    }

    private static bool Same<T>(IReadOnlyList<T> a, IReadOnlyList<T> b)
        where T : IEquatable<T>
    {
        bool same = a.Count == b.Count;
        for (int i = 0; same && i < a.Count; i++)
        {
            same = a[i].Equals(b[i]);
        }

        return same;
    }
}
