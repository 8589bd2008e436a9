using System.IO.Hashing;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// All clusters of the process. A new or changed cluster warms beside the version that serves and takes its place when its
/// first hosts are known; a resource with an unchanged hash changes nothing. Main loop.
/// </summary>
public sealed class ClusterDirectory : IResourceCollection
{
    /// <summary>
    /// A removal comes before the routes that no longer name the cluster, and those may wait for another one to warm: until they are
    /// here, and no longer than this, a cluster that anything has named goes on serving. Longer than <c>RouteConfigSlot</c> waits.
    /// </summary>
    internal const int RemovalGraceMilliseconds = 6000;

    private readonly CompileContext _context;
    private readonly WorkerRandom _random;
    private readonly NameResolver _resolver;
    private readonly ClusterStateFactory _states;
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly ClusterManagerStats _stats;
    private readonly List<Action> _whenWarm = [];
    private int _activeCount;

    public ClusterDirectory(CompileContext context, NameResolver resolver, ulong randomSeed)
    {
        _context = context;
        _resolver = resolver;
        _random = new WorkerRandom(randomSeed);
        var local = new Locality(context.Node.Region, context.Node.Zone, context.Node.SubZone);
        _states = new ClusterStateFactory(context.Stats, context.Workers, local, _random, context.Runtime);
        context.Runtime.OnChanged(ApplyRuntime);
        _stats = new ClusterManagerStats(context.Stats.Scope("cluster_manager"));
        context.OnDemandClusters.Serve(this);
    }

    /// <summary>Told the name of each cluster whose newest version serves from now on.</summary>
    internal Action<string>? Serving { get; set; }

    /// <summary>Every cluster that serves, for admin; looking wakes none.</summary>
    public IReadOnlyList<ClusterState> Active
    {
        get
        {
            var states = new List<ClusterState>(_entries.Count);
            foreach (Entry entry in _entries.Values)
            {
                if (entry.Active is { } active)
                {
                    states.Add(active.Describe());
                }
            }

            return states;
        }
    }

    /// <summary>The models of all clusters that serve.</summary>
    public IEnumerable<ClusterModel> ActiveModels
    {
        get
        {
            foreach (Entry entry in _entries.Values)
            {
                if (entry.Active is { } active)
                {
                    yield return active.Model;
                }
            }
        }
    }

    public int WarmingCount { get; private set; }

    /// <summary>Runs the action when no cluster warms any more, at once if so now (start-up order, readiness).</summary>
    public void WhenWarm(Action action)
    {
        if (WarmingCount == 0)
        {
            action();
        }
        else
        {
            _whenWarm.Add(action);
        }
    }

    /// <summary>
    /// Runs the action once when the newest version of a cluster serves, at once if nothing of it warms, be it that no such
    /// cluster exists. One that is removed meanwhile never does.
    /// </summary>
    public void WhenServing(string name, Action action)
    {
        if (_entries.TryGetValue(name, out Entry? entry) && entry.Warming is not null)
        {
            (entry.Waiting ??= []).Add(action);
        }
        else
        {
            action();
        }
    }

    /// <summary>Takes an action back that <see cref="WhenServing"/> still holds.</summary>
    public void StopWaiting(string name, Action action) => _entries.GetValueOrDefault(name)?.Waiting?.Remove(action);

    /// <summary>Whether such a cluster exists, be it that it warms.</summary>
    internal bool IsKnown(string name) => _entries.ContainsKey(name);

    /// <summary>Whether some version of the cluster serves.</summary>
    internal bool Serves(string name) => _entries.TryGetValue(name, out Entry? entry) && entry.Active is not null;

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        foreach (ResourceUpdate update in added)
        {
            try
            {
                _context.ResourceName = update.Name;
                Add(update);
            }
            catch (ConfigRejectedException e)
            {
                rejected.Add(new RejectedResource(update.Name, e.Message));
            }
            catch (InvalidProtocolBufferException e)
            {
                rejected.Add(new RejectedResource(update.Name, $"the resource is not a valid Cluster: {e.Message}"));
            }
        }

        foreach (string name in removed)
        {
            Remove(name);
        }

        _context.Clusters.Publish();
        UpdateGauges();
    }

    // Clusters that nobody uses yet read the runtime when they wake.
    private void ApplyRuntime()
    {
        foreach (Entry entry in _entries.Values)
        {
            entry.Active?.ApplyRuntime();
            entry.Warming?.ApplyRuntime();
        }
    }

    private void Add(ResourceUpdate update)
    {
        ulong hash = XxHash64.HashToUInt64(update.Message.Span);
        Entry? entry = _entries.GetValueOrDefault(update.Name);
        ulong? present = (entry?.Warming ?? entry?.Active)?.Model.ConfigHash;
        if (present == hash)
        {
            return;
        }

        ProtoCluster message = ProtoCluster.Parser.ParseFrom(update.Message.Span);
        if (message.Name != update.Name && update.Name.Length > 0)
        {
            throw new ConfigRejectedException("name", $"the cluster's name '{message.Name}' is not that of its resource");
        }

        message.Name = update.Name.Length > 0 ? update.Name : message.Name;
        ClusterModel model = ClusterCompiler.Compile(message, hash, _context);
        AssignmentModel assignment = Assignment(message, model);
        if (entry is null)
        {
            _entries.Add(model.Name, entry = new Entry(_context.Clusters.Own(model.Name)));
            _context.Stats.Main.Add(_stats.Added);
        }
        else
        {
            _context.Stats.Main.Add(_stats.Modified);
        }

        Warm(entry, model, assignment);
    }

    private AssignmentModel Assignment(ProtoCluster message, ClusterModel model)
    {
        try
        {
            if (model.Discovery == DiscoveryKind.LogicalDns
                && message.LoadAssignment is not { Endpoints: [{ LbEndpoints.Count: 1 }] })
            {
                throw new ConfigRejectedException(
                    "load_assignment.endpoints", "a LOGICAL_DNS cluster has one locality with one endpoint");
            }

            return message.LoadAssignment is { } inline
                ? AssignmentCompiler.Compile(inline, model.Dns is not null, "load_assignment.", _context.Warnings, $"cluster '{model.Name}'")
                : new AssignmentModel();
        }
        catch
        {
            model.TransportContext?.Dispose();
            throw;
        }
    }

    private void Warm(Entry entry, ClusterModel model, AssignmentModel assignment)
    {
        if (entry.Warming is { } superseded)
        {
            entry.Warming = null;
            WarmingCount--;
            Retire(superseded);
        }

        Version version = Make(model, assignment);
        entry.Warming = version;
        entry.Reference.IsArriving = !entry.Reference.Exists;
        WarmingCount++;
        version.Source.Start(() =>
        {
            if (model.TransportContext is { } transports)
            {
                transports.Warming.WhenReady(() => version.WhenChecked(() => Activate(entry, version)));
            }
            else
            {
                version.WhenChecked(() => Activate(entry, version));
            }
        });
        if (!model.WaitsForWarm)
        {
            Activate(entry, version);
        }
    }

    private Version Make(ClusterModel model, AssignmentModel assignment)
    {
        if (RestingCluster.Suits(model, _context.Stats))
        {
            var resting = new RestingCluster(model, _states, _context.Clusters.Gate);
            return new Version(model, new EdsHosts(model, resting, _context), null, resting);
        }

        ClusterMembership membership = _states.Membership(_states.Create(model));
        HostSource source = model.Discovery switch
        {
            DiscoveryKind.Eds => new EdsHosts(model, membership, _context),
            DiscoveryKind.StrictDns or DiscoveryKind.LogicalDns =>
                new DnsHosts(membership, assignment, _resolver, _context.Workers.MainLoop, _random),
            _ => new StaticHosts(membership, assignment),
        };
        return new Version(model, source, membership, null);
    }

    private void Activate(Entry entry, Version version)
    {
        if (entry.Warming != version)
        {
            return;
        }

        entry.Warming = null;
        WarmingCount--;
        Version? former = entry.Active;
        entry.Active = version;
        _activeCount += former is null ? 1 : 0;
        entry.Reference.Set(version.Membership?.State, version.Resting);
        if (former is not null)
        {
            if (former.Membership?.State is { } replaced)
            {
                version.Membership?.State.TakeOverStats(replaced);
            }

            Retire(former);
        }

        UpdateGauges();
        RunAll(entry.Waiting);
        Serving?.Invoke(version.Model.Name);
        if (WarmingCount == 0)
        {
            RunAll(_whenWarm);
        }
    }

    private static void RunAll(List<Action>? actions)
    {
        if (actions is not { Count: > 0 })
        {
            return;
        }

        Action[] waiting = [.. actions];
        actions.Clear();
        foreach (Action action in waiting)
        {
            action();
        }
    }

    private void Remove(string name)
    {
        if (!_entries.Remove(name, out Entry? entry))
        {
            return;
        }

        Log.Info(LogComponent.Upstream, $"removing cluster {name}");
        _context.Stats.Main.Add(_stats.Removed);
        _activeCount -= entry.Active is null ? 0 : 1;
        if (entry.Warming is { } warming)
        {
            entry.Warming = null;
            WarmingCount--;
            Retire(warming);
        }

        if (entry.Active is not { } active || !entry.Reference.IsNamed)
        {
            Leave(entry);
            return;
        }

        // A scheduled timer is held by its loop.
        new LoopTimer(_context.Workers.MainLoop, _ => Leave(entry), null).Schedule(RemovalGraceMilliseconds);
    }

    private void Leave(Entry entry)
    {
        // A cluster of this name may have come back meanwhile.
        if (entry.Reference.LeadsTo(entry.Active?.Membership?.State, entry.Active?.Resting))
        {
            entry.Reference.Set(null);
        }

        if (entry.Active is { } active)
        {
            entry.Active = null;
            Retire(active);
        }
    }

    /// <summary>Active requests finish on what they hold.</summary>
    private void Retire(Version version)
    {
        version.Source.Dispose();
        ClusterState? state = version.Close();
        version.Model.TransportContext?.Dispose();
        if (state is not null)
        {
            _states.Release(state);
        }
    }

    private void UpdateGauges()
    {
        _context.Stats.Main.Set(_stats.Active, _activeCount);
        _context.Stats.Main.Set(_stats.Warming, WarmingCount);
    }

    /// <summary>A cluster under one configuration: with a membership from the start, or resting until it is used.</summary>
    private sealed record Version(ClusterModel Model, HostSource Source, ClusterMembership? Membership, RestingCluster? Resting)
    {
        public void ApplyRuntime() => (Membership ?? Resting!.Adopt())?.ApplyRuntime();

        public ClusterState Describe() => Membership?.State ?? Resting!.Describe();

        public void WhenChecked(Action action)
        {
            if (Membership is null)
            {
                action();
            }
            else
            {
                Membership.WhenChecked(action);
            }
        }

        /// <summary>Ends membership and checks; the state to release, if there is one.</summary>
        public ClusterState? Close()
        {
            if (Membership is null)
            {
                return Resting!.Retire();
            }

            Membership.Close();
            return Membership.State;
        }
    }

    private sealed class Entry(ClusterReference reference)
    {
        public ClusterReference Reference { get; } = reference;

        public Version? Active { get; set; }

        public Version? Warming { get; set; }

        public List<Action>? Waiting { get; set; }
    }
}
