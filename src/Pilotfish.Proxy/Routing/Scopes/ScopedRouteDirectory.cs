using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>
/// All scopes of one source (SRDS), shared by the connection managers that name it. Two scopes must not have one key: the newer is refused by
/// name and the last good set stays in force. The subscription counts for each of them. Main loop.
/// </summary>
internal sealed class ScopedRouteDirectory(CompileContext context) : IResourceCollection, ISubscriptionStats, IDisposable
{
    private readonly Dictionary<string, ScopedRoute> _scopes = new(StringComparer.Ordinal);
    private readonly List<ScopedRoutesSlot> _users = [];
    private Action? _known;
    private IDisposable? _subscription;

    /// <summary>Where they come from.</summary>
    public SourceKey Source { get; init; }

    /// <summary>Whether a first response, or its absence, is known.</summary>
    public bool IsKnown { get; private set; }

    public IReadOnlyCollection<ScopedRoute> Scopes => _scopes.Values;

    public bool IsUsed => _users.Count > 0;

    /// <summary>The subscription, which ends with this.</summary>
    public void Follow(IDisposable subscription) => _subscription = subscription;

    public void Dispose()
    {
        _known = null;
        _subscription?.Dispose();
    }

    public void Add(ScopedRoutesSlot user) => _users.Add(user);

    public void Remove(ScopedRoutesSlot user) => _users.Remove(user);

    /// <summary>Calls back once when the scopes are known, at once if so now.</summary>
    public void WhenKnown(Action callback)
    {
        if (IsKnown)
        {
            callback();
        }
        else
        {
            _known += callback;
        }
    }

    /// <summary>The first response came, or its time is over.</summary>
    public void BecomeKnown()
    {
        IsKnown = true;
        Action? callbacks = _known;
        _known = null;
        callbacks?.Invoke();
    }

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        List<ScopedRoute> updates = Compile(added, rejected);
        foreach (string name in removed)
        {
            _scopes.Remove(name);
        }

        while (FindConflict(updates) is { } conflict)
        {
            rejected.Add(new RejectedResource(
                conflict.Refused.Name,
                $"key: scope key conflict found, first scope is '{conflict.With.Name}', second scope is '{conflict.Refused.Name}'"));
            updates.Remove(conflict.Refused);
        }

        foreach (ScopedRoute scope in updates)
        {
            _scopes[scope.Name] = scope;
        }

        foreach (ScopedRoutesSlot user in _users.ToArray())
        {
            user.Use(_scopes.Values);
        }
    }

    void ISubscriptionStats.Attempted() => Count(static stats => stats.Attempted());

    void ISubscriptionStats.Failed() => Count(static stats => stats.Failed());

    void ISubscriptionStats.TimedOut() => Count(static stats => stats.TimedOut());

    void ISubscriptionStats.Succeeded(string version, DateTimeOffset now, long durationMilliseconds) =>
        Count(stats => stats.Succeeded(version, now, durationMilliseconds));

    void ISubscriptionStats.Rejected() => Count(static stats => stats.Rejected());

    private void Count(Action<ISubscriptionStats> count)
    {
        foreach (ScopedRoutesSlot user in _users)
        {
            count(user.Subscription!);
        }
    }

    private List<ScopedRoute> Compile(IReadOnlyList<ResourceUpdate> added, List<RejectedResource> rejected)
    {
        var updates = new List<ScopedRoute>(added.Count);
        string before = context.ResourceName;
        for (int i = 0; i < added.Count; i++)
        {
            ResourceUpdate update = added[i];
            context.ResourceName = update.Name;
            try
            {
                updates.Add(ScopedRoute.Compile(update.Message, context));
            }
            catch (ConfigRejectedException e)
            {
                rejected.Add(new RejectedResource(update.Name, e.Message));
            }
        }

        context.ResourceName = before;
        return updates;
    }

    /// <summary>
    /// An update whose key another scope of the resulting set has. What was in force and is not updated has precedence, then what stands first
    /// in the response: an update that moves a key from one scope to another is none as long as it updates both.
    /// </summary>
    private (ScopedRoute Refused, ScopedRoute With)? FindConflict(List<ScopedRoute> updates)
    {
        var updated = new HashSet<string>(StringComparer.Ordinal);
        foreach (ScopedRoute update in updates)
        {
            updated.Add(update.Name);
        }

        var byKey = new Dictionary<ByteKey, ScopedRoute>(ByteKeyComparer.Instance);
        foreach (ScopedRoute held in _scopes.Values)
        {
            if (!updated.Contains(held.Name))
            {
                byKey.Add(held.Key, held);
            }
        }

        foreach (ScopedRoute update in updates)
        {
            if (!byKey.TryAdd(update.Key, update))
            {
                return (update, byKey[update.Key]);
            }
        }

        return null;
    }
}
