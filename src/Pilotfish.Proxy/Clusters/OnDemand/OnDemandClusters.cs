using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>
/// Clusters that are discovered when a request needs them (ODCDS): one question for all who wait for a cluster, one timer. What arrives is a
/// cluster like any other. Main loop, except for what begins with Post.
/// </summary>
internal sealed class OnDemandClusters(CompileContext context)
{
    /// <summary>Clusters that are waited for at once; a request for one more goes on without.</summary>
    internal const int PendingMax = 1024;

    private readonly Dictionary<SourceKey, ClusterSource> _sources = [];
    private readonly Dictionary<string, Pending> _pending = new(StringComparer.Ordinal);
    private readonly DemandedClusterStats _stats = new(context.Stats);
    private ClusterDirectory? _directory;

    /// <summary>Says whose clusters they become. Once.</summary>
    public void Serve(ClusterDirectory directory)
    {
        _directory = directory;
        directory.Serving = OnServing;
    }

    /// <summary>What the fields of a message with this purpose say.</summary>
    /// <param name="source">Where clusters are asked for.</param>
    /// <param name="resourcesLocator">Refused unless empty.</param>
    /// <param name="timeout">How long a waiter waits; null for the default.</param>
    /// <param name="field">The message's place.</param>
    /// <param name="sourceField">The name of the source's field in it.</param>
    /// <param name="defaultMilliseconds">The default.</param>
    /// <param name="isCounted">Whether the waiters are counted for each cluster: those of the HTTP filter are.</param>
    public ClusterDemand Compile(
        ConfigSource? source, string resourcesLocator, Duration? timeout, string field, string sourceField, long defaultMilliseconds, bool isCounted)
    {
        if (resourcesLocator.Length > 0)
        {
            throw new ConfigRejectedException($"{field}.resources_locator", "xdstp names are not available in Pilotfish");
        }

        long milliseconds = ProtoValues.Milliseconds(timeout, defaultMilliseconds);
        return new ClusterDemand(this, SourceOf(source, $"{field}.{sourceField}"), Math.Max(1, milliseconds), isCounted);
    }

    public void PostDemand(
        ClusterSource source, string name, long timeoutMilliseconds, bool isCounted, EventLoop loop, IClusterWaiter waiter) =>
        context.Workers.MainLoop.Post(
            static demand => ((Action)demand!)(),
            () => Demand(source, name, timeoutMilliseconds, new Waiting(loop, waiter, isCounted, context.Workers.MainLoop.NowMilliseconds)));

    public void PostCancel(string name, IClusterWaiter waiter) =>
        context.Workers.MainLoop.Post(static cancel => ((Action)cancel!)(), () => Cancel(name, waiter));

    private ClusterSource SourceOf(ConfigSource? source, string field)
    {
        if (source is null)
        {
            throw new ConfigRejectedException(field, "it is not set; without it the clusters' names would have to be xdstp names, which are not available");
        }

        if (_directory is null)
        {
            throw new ConfigRejectedException(field, "there are no clusters here");
        }

        try
        {
            SourceKey key = context.Subscriptions.Identify(ResourceType.Cluster, source);
            if (!_sources.TryGetValue(key, out ClusterSource? known))
            {
                var stats = new SubscriptionStats(context.Stats.Scope("cluster_manager.odcds"));
                IDemandedNames names = context.Subscriptions.SubscribeOnDemand(ResourceType.Cluster, _directory, source, stats);
                known = new ClusterSource(names);
                names.WhenAnswered(OnAnswered);
                _sources.Add(key, known);
            }

            return known;
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within(field);
        }
    }

    private void Demand(ClusterSource source, string name, long timeoutMilliseconds, Waiting waiting)
    {
        if (_pending.TryGetValue(name, out Pending? pending))
        {
            pending.Add(waiting);
            return;
        }

        // It may have come while the request did.
        bool serves = _directory!.Serves(name);
        if (serves || _pending.Count >= PendingMax)
        {
            if (serves && waiting.IsCounted)
            {
                _stats.Asked(name, 1);
                _stats.Answered(name, 0);
            }

            waiting.Post(serves ? ClusterDiscoveryStatus.Available : ClusterDiscoveryStatus.Missing);
            return;
        }

        pending = new Pending(source, new LoopTimer(context.Workers.MainLoop, _ => Complete(name, ClusterDiscoveryStatus.Timeout), null));
        pending.Add(waiting);
        _pending.Add(name, pending);
        pending.Timer.Schedule(timeoutMilliseconds);
        if (!_directory.IsKnown(name))
        {
            source.Ask(name);
        }
    }

    // The timer ends the wait that nobody waits in any more.
    private void Cancel(string name, IClusterWaiter waiter)
    {
        if (_pending.TryGetValue(name, out Pending? pending))
        {
            pending.Waiters.RemoveAll(waiting => waiting.Waiter == waiter);
        }
    }

    private void OnServing(string name)
    {
        if (_pending.Count > 0)
        {
            Complete(name, ClusterDiscoveryStatus.Available);
        }
    }

    // A cluster that is here and not serving yet warms.
    private void OnAnswered(IReadOnlyList<string> names)
    {
        if (_pending.Count == 0)
        {
            return;
        }

        foreach (string name in names)
        {
            if (!_directory!.IsKnown(name))
            {
                Complete(name, ClusterDiscoveryStatus.Missing);
            }
            else if (_directory.Serves(name))
            {
                Complete(name, ClusterDiscoveryStatus.Available);
            }
        }
    }

    private void Complete(string name, ClusterDiscoveryStatus status)
    {
        if (!_pending.Remove(name, out Pending? pending))
        {
            return;
        }

        pending.Timer.Cancel();
        if (_directory!.IsKnown(name))
        {
            pending.Source.NotePresent(name);
            Count(name, pending);
        }
        else
        {
            pending.Source.NoteAbsent(name);
            _stats.Forget(name);
        }

        // Whoever finds clusters by a header must see this one.
        context.Clusters.Publish();
        foreach (Waiting waiting in pending.Waiters)
        {
            waiting.Post(status);
        }
    }

    private void Count(string name, Pending pending)
    {
        _stats.Asked(name, pending.Counted);
        long now = context.Workers.MainLoop.NowMilliseconds;
        foreach (Waiting waiting in pending.Waiters)
        {
            if (waiting.IsCounted)
            {
                _stats.Answered(name, now - waiting.Since);
            }
        }
    }

    private readonly record struct Waiting(EventLoop Loop, IClusterWaiter Waiter, bool IsCounted, long Since)
    {
        public void Post(ClusterDiscoveryStatus status)
        {
            IClusterWaiter waiter = Waiter;
            Loop.Post(static told => ((Action)told!)(), () => waiter.OnCluster(status));
        }
    }

    private sealed record Pending(ClusterSource Source, LoopTimer Timer)
    {
        public List<Waiting> Waiters { get; } = [];

        /// <summary>Those that are counted, also when they left.</summary>
        public int Counted { get; private set; }

        public void Add(Waiting waiting)
        {
            Waiters.Add(waiting);
            Counted += waiting.IsCounted ? 1 : 0;
        }
    }
}
