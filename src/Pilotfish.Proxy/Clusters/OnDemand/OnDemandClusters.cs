using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.OnDemand.V3;
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

    /// <summary>OnDemandCds.timeout when unset.</summary>
    internal const long DefaultTimeoutMilliseconds = 5000;

    private readonly Dictionary<string, ClusterSource> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pending> _pending = new(StringComparer.Ordinal);
    private ClusterDirectory? _directory;

    /// <summary>Says whose clusters they become. Once.</summary>
    public void Serve(ClusterDirectory directory)
    {
        _directory = directory;
        directory.Serving = OnServing;
    }

    /// <summary>Null without odcds.</summary>
    /// <param name="config">Of the filter, or of a route.</param>
    /// <param name="field">The config's place.</param>
    public ClusterDemand? Compile(OnDemandCds? config, string field)
    {
        if (config is null)
        {
            return null;
        }

        if (config.ResourcesLocator.Length > 0)
        {
            throw new ConfigRejectedException($"{field}.resources_locator", "xdstp names are not available in Pilotfish");
        }

        long timeout = config.Timeout is { } given ? Routing.Durations.Milliseconds(given) ?? 0 : DefaultTimeoutMilliseconds;
        return new ClusterDemand(this, SourceOf(config.Source, $"{field}.source"), Math.Max(1, timeout));
    }

    public void PostDemand(ClusterSource source, string name, long timeoutMilliseconds, EventLoop caller, Action<object?> ready, object state) =>
        context.Workers.MainLoop.Post(
            static demand => ((Action)demand!)(), () => Demand(source, name, timeoutMilliseconds, new Waiter(caller, ready, state)));

    public void PostCancel(string name, object state) =>
        context.Workers.MainLoop.Post(static cancel => ((Action)cancel!)(), () => Cancel(name, state));

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

        bool isApi = source.ConfigSourceSpecifierCase == ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource;
        string key = isApi
            ? $"{source.ApiConfigSource.ApiType} {ControlPlanes.ClusterOf(source.ApiConfigSource)}"
            : source.ConfigSourceSpecifierCase.ToString();
        if (_sources.TryGetValue(key, out ClusterSource? known))
        {
            return known;
        }

        var stats = new SubscriptionStats(context.Stats.Scope("cluster_manager.odcds"));
        try
        {
            IDemandedNames names = context.Subscriptions.SubscribeOnDemand(ResourceType.Cluster, _directory, source, stats, known: null);
            known = new ClusterSource(names);
            names.WhenAnswered(OnAnswered);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within(field);
        }

        _sources.Add(key, known);
        return known;
    }

    private void Demand(ClusterSource source, string name, long timeoutMilliseconds, Waiter waiter)
    {
        if (_pending.TryGetValue(name, out Pending? pending))
        {
            pending.Waiters.Add(waiter);
            return;
        }

        // It may have come while the request did.
        if (_directory!.Serves(name) || _pending.Count >= PendingMax)
        {
            waiter.Post();
            return;
        }

        pending = new Pending(source, new LoopTimer(context.Workers.MainLoop, _ => Complete(name), null));
        pending.Waiters.Add(waiter);
        _pending.Add(name, pending);
        pending.Timer.Schedule(timeoutMilliseconds);
        if (!_directory.IsKnown(name))
        {
            source.Ask(name);
        }
    }

    // The timer ends the wait that nobody waits in any more.
    private void Cancel(string name, object state)
    {
        if (_pending.TryGetValue(name, out Pending? pending))
        {
            pending.Waiters.RemoveAll(waiter => waiter.State == state);
        }
    }

    private void OnServing(string name)
    {
        if (_pending.Count > 0)
        {
            Complete(name);
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
            if (!_directory!.IsKnown(name) || _directory.Serves(name))
            {
                Complete(name);
            }
        }
    }

    private void Complete(string name)
    {
        if (!_pending.Remove(name, out Pending? pending))
        {
            return;
        }

        pending.Timer.Cancel();
        if (_directory!.IsKnown(name))
        {
            pending.Source.NotePresent(name);
        }
        else
        {
            pending.Source.NoteAbsent(name);
        }

        // Whoever finds clusters by a header must see this one.
        context.Clusters.Publish();
        foreach (Waiter waiter in pending.Waiters)
        {
            waiter.Post();
        }
    }

    private readonly record struct Waiter(EventLoop Loop, Action<object?> Ready, object State)
    {
        public void Post() => Loop.Post(Ready, State);
    }

    private sealed record Pending(ClusterSource Source, LoopTimer Timer)
    {
        public List<Waiter> Waiters { get; } = [];
    }
}
