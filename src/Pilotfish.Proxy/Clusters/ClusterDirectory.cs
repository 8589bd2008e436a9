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
    private readonly Locality _local;
    private readonly NameResolver _resolver;
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Stack<int> _freeIndexes = [];
    private readonly ClusterManagerStats _stats;
    private readonly HashSet<Leaving> _leaving = [];
    private readonly List<Action> _whenWarm = [];
    private int _nextIndex;

    public ClusterDirectory(CompileContext context, NameResolver resolver, ulong randomSeed)
    {
        _context = context;
        _resolver = resolver;
        _random = new WorkerRandom(randomSeed);
        _local = new Locality(context.Node.Region, context.Node.Zone, context.Node.SubZone);
        _stats = new ClusterManagerStats(context.Stats.Scope("cluster_manager"));
    }

    /// <summary>Every cluster that serves, for admin.</summary>
    public IReadOnlyList<ClusterState> Active
    {
        get
        {
            var states = new List<ClusterState>(_entries.Count);
            foreach (Entry entry in _entries.Values)
            {
                if (entry.Active is { } active)
                {
                    states.Add(active.State);
                }
            }

            return states;
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

    private void Add(ResourceUpdate update)
    {
        ulong hash = XxHash64.HashToUInt64(update.Message.Span);
        Entry? entry = _entries.GetValueOrDefault(update.Name);
        ulong? present = (entry?.Warming ?? entry?.Active)?.State.Config.ConfigHash;
        if (present == hash)
        {
            return;
        }

        ProtoCluster message = ProtoCluster.Parser.ParseFrom(update.Message.Span);
        if (message.Name != update.Name && update.Name.Length > 0)
        {
            throw new ConfigRejectedException("name", $"the cluster's name '{message.Name}' is not that of its resource");
        }

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

    private static AssignmentModel Assignment(ProtoCluster message, ClusterModel model)
    {
        try
        {
            return message.LoadAssignment is { } inline
                ? AssignmentCompiler.Compile(inline, model.Dns is not null, "load_assignment.")
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

        int index = _freeIndexes.TryPop(out int free) ? free : _nextIndex++;
        StatScope scope = _context.Stats.Scope("cluster." + model.ObservabilityName);
        var state = new ClusterState(model, index, scope, _context.Workers.Count);
        var membership = new ClusterMembership(state, _local, _context.Workers, _random);
        HostSource source = model.Discovery switch
        {
            DiscoveryKind.Eds => new EdsHosts(membership, _context.Subscriptions, _context.Workers.MainLoop),
            DiscoveryKind.StrictDns or DiscoveryKind.LogicalDns =>
                new DnsHosts(membership, assignment, _resolver, _context.Workers.MainLoop, _random),
            _ => new StaticHosts(membership, assignment),
        };
        var version = new Version(state, membership, source);
        entry.Warming = version;
        entry.Reference.IsArriving = entry.Reference.Current is null;
        WarmingCount++;
        source.Start(() =>
        {
            if (model.TransportContext is { } transports)
            {
                transports.Warming.WhenReady(() => membership.WhenChecked(() => Activate(entry, version)));
            }
            else
            {
                membership.WhenChecked(() => Activate(entry, version));
            }
        });
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
        entry.Reference.Set(version.State);
        if (former is not null)
        {
            Retire(former);
        }

        UpdateGauges();
        if (WarmingCount == 0 && _whenWarm.Count > 0)
        {
            Action[] waiting = [.. _whenWarm];
            _whenWarm.Clear();
            foreach (Action action in waiting)
            {
                action();
            }
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

        var leaving = new Leaving(this, entry);
        _leaving.Add(leaving);
        leaving.Timer.Schedule(RemovalGraceMilliseconds);
    }

    private void Leave(Entry entry)
    {
        // A cluster of this name may have come back meanwhile.
        if (entry.Reference.Current == entry.Active?.State)
        {
            entry.Reference.Set(null);
        }

        if (entry.Active is { } active)
        {
            entry.Active = null;
            Retire(active);
        }
    }

    /// <summary>Active requests finish on what they hold; the index is free again when every worker has let go.</summary>
    private void Retire(Version version)
    {
        version.Source.Dispose();
        version.Membership.Close();
        version.State.Config.TransportContext?.Dispose();
        version.State.MarkRemoved();
        _context.Workers.PostAll(worker => worker.RemoveCluster(version.State), () =>
        {
            version.State.Scope.Dispose();
            _freeIndexes.Push(version.State.Index);
        });
    }

    private void UpdateGauges()
    {
        int active = 0;
        foreach (Entry entry in _entries.Values)
        {
            active += entry.Active is null ? 0 : 1;
        }

        _context.Stats.Main.Set(_stats.Active, active);
        _context.Stats.Main.Set(_stats.Warming, WarmingCount);
    }

    private sealed record Version(ClusterState State, ClusterMembership Membership, HostSource Source);

    /// <summary>A removed cluster in its grace; it is no entry any more.</summary>
    private sealed class Leaving
    {
        public Leaving(ClusterDirectory owner, Entry entry) => Timer = new LoopTimer(
            owner._context.Workers.MainLoop,
            _ =>
            {
                owner._leaving.Remove(this);
                owner.Leave(entry);
            },
            null);

        public LoopTimer Timer { get; }
    }

    private sealed class Entry(ClusterReference reference)
    {
        public ClusterReference Reference { get; } = reference;

        public Version? Active { get; set; }

        public Version? Warming { get; set; }
    }
}
