using Google.Protobuf;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>
/// All virtual hosts of one source (VHDS), and the route configurations that they belong to: a resource's name begins with that of its route
/// configuration, up to the last slash. What nobody wants is kept for whoever comes later, since the control plane does not send it again.
/// Main loop.
/// </summary>
internal sealed class VirtualHostDirectory : IResourceCollection, ISubscriptionStats, IDisposable
{
    private readonly Dictionary<string, SortedDictionary<string, DiscoveredHost>> _hosts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<DiscoveredHosts>> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _askers = new(StringComparer.Ordinal);
    private Action? _known;
    private IDisposable? _subscription;
    private IDemandedNames? _names;

    /// <summary>Where they come from.</summary>
    public SourceKey Source { get; init; }

    public bool IsUsed => _users.Count > 0;

    /// <summary>Whether a first response, or its absence, is known.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>The name of the route configuration that a resource belongs to; null when it names none.</summary>
    public static string? RoutesOf(string resource) => resource.LastIndexOf('/') is > 0 and int slash ? resource[..slash] : null;

    /// <summary>What is held for a route configuration, in the order of names.</summary>
    public IReadOnlyCollection<DiscoveredHost> HostsOf(string routes) =>
        _hosts.TryGetValue(routes, out SortedDictionary<string, DiscoveredHost>? hosts) ? hosts.Values : [];

    /// <summary>What asks for everything, which ends with this, and what asks for single names. Once.</summary>
    public void Follow(IDisposable subscription, IDemandedNames names)
    {
        _subscription = subscription;
        _names = names;
        names.WhenAnswered(Answer);
    }

    public void Dispose()
    {
        _known = null;
        _names?.StopAnswering(Answer);
        _subscription?.Dispose();
    }

    public void Add(DiscoveredHosts user)
    {
        if (!_users.TryGetValue(user.Routes, out List<DiscoveredHosts>? users))
        {
            _users.Add(user.Routes, users = []);
        }

        users.Add(user);
    }

    public void Remove(DiscoveredHosts user)
    {
        if (_users.TryGetValue(user.Routes, out List<DiscoveredHosts>? users) && users.Remove(user) && users.Count == 0)
        {
            _users.Remove(user.Routes);
        }
    }

    /// <summary>Asks for a name, on behalf of one more user unless <paramref name="again"/>.</summary>
    public void Ask(string name, bool again)
    {
        if (!again)
        {
            _askers[name] = _askers.GetValueOrDefault(name) + 1;
        }

        _names!.Ask(name);
    }

    /// <summary>One user needs the name no longer; the last one unsubscribes from it.</summary>
    public void GiveUp(string name)
    {
        int left = _askers.GetValueOrDefault(name) - 1;
        if (left > 0)
        {
            _askers[name] = left;
        }
        else if (_askers.Remove(name))
        {
            _names!.GiveUp(name);
        }
    }

    /// <summary>Calls back once when the first response was applied or its time is over, at once if so now.</summary>
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

    public void BecomeKnown()
    {
        IsKnown = true;
        Action? callbacks = _known;
        _known = null;
        callbacks?.Invoke();
    }

    public void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        var changes = new SortedDictionary<string, Changes>(StringComparer.Ordinal);
        for (int i = 0; i < added.Count; i++)
        {
            ResourceUpdate update = added[i];
            if (RoutesOf(update.Name) is not { } routes)
            {
                rejected.Add(new RejectedResource(update.Name, "its name is not that of a route configuration, a slash and a host"));
            }
            else if (Read(update, rejected) is { } host)
            {
                At(changes, routes).Added.Add(host);
            }
        }

        foreach (string name in removed)
        {
            if (RoutesOf(name) is { } routes)
            {
                At(changes, routes).Removed.Add(name);
            }
        }

        foreach ((string routes, Changes change) in changes)
        {
            Apply(routes, change, rejected);
        }
    }

    /// <summary>The names that a response said something about: whoever waits for one of them waits no longer.</summary>
    public void Answer(IReadOnlyList<string> names)
    {
        var answers = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (string name in names)
        {
            if (RoutesOf(name) is { } routes && _users.ContainsKey(routes))
            {
                if (!answers.TryGetValue(routes, out List<string>? answered))
                {
                    answers.Add(routes, answered = []);
                }

                answered.Add(name);
            }
        }

        foreach ((string routes, List<string> answered) in answers)
        {
            foreach (DiscoveredHosts user in UsersOf(routes))
            {
                user.Answer(answered);
            }
        }
    }

    // Requests are counted where they are made, and answers where they are applied.
    void ISubscriptionStats.Attempted()
    {
    }

    void ISubscriptionStats.Succeeded(string version, DateTimeOffset now, long durationMilliseconds)
    {
    }

    void ISubscriptionStats.Rejected()
    {
    }

    void ISubscriptionStats.Failed() => CountForAll(static stats => stats.Failed());

    void ISubscriptionStats.TimedOut() => CountForAll(static stats => stats.TimedOut());

    private static DiscoveredHost? Read(ResourceUpdate update, List<RejectedResource> rejected)
    {
        // The update's bytes are the sender's.
        byte[] message = update.Message.ToArray();
        try
        {
            return new DiscoveredHost(update.Name, update.Aliases ?? [], message, update.Version, DiscoveredHost.DomainsOf(message));
        }
        catch (InvalidProtocolBufferException e)
        {
            rejected.Add(new RejectedResource(update.Name, $"the resource is not a valid VirtualHost: {e.Message}"));
            return null;
        }
    }

    private static Changes At(SortedDictionary<string, Changes> changes, string routes)
    {
        if (!changes.TryGetValue(routes, out Changes? change))
        {
            changes.Add(routes, change = new Changes([], []));
        }

        return change;
    }

    private void Apply(string routes, Changes change, List<RejectedResource> rejected)
    {
        var refused = new Dictionary<string, RejectedResource>(StringComparer.Ordinal);
        foreach (DiscoveredHosts user in UsersOf(routes))
        {
            foreach (RejectedResource resource in user.Offer(change.Added, change.Removed))
            {
                refused.TryAdd(resource.Name, resource);
            }
        }

        rejected.AddRange(refused.Values);
        if (!_hosts.TryGetValue(routes, out SortedDictionary<string, DiscoveredHost>? hosts))
        {
            _hosts.Add(routes, hosts = new SortedDictionary<string, DiscoveredHost>(StringComparer.Ordinal));
        }

        foreach (string name in change.Removed)
        {
            hosts.Remove(name);
        }

        foreach (DiscoveredHost host in change.Added)
        {
            if (!refused.ContainsKey(host.Name))
            {
                hosts[host.Name] = host;
            }
        }

        if (hosts.Count == 0)
        {
            _hosts.Remove(routes);
        }
    }

    // Of this moment: one may come or go while it is called.
    private DiscoveredHosts[] UsersOf(string routes) => _users.TryGetValue(routes, out List<DiscoveredHosts>? users) ? [.. users] : [];

    private void CountForAll(Action<ISubscriptionStats> count)
    {
        foreach (List<DiscoveredHosts> users in _users.Values)
        {
            foreach (DiscoveredHosts user in users)
            {
                count(user.Stats.Subscription);
            }
        }
    }

    /// <summary>What one response changes for one route configuration.</summary>
    private sealed record Changes(List<DiscoveredHost> Added, List<string> Removed);
}
