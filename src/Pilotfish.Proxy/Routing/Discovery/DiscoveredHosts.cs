using System.Text;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>
/// The virtual hosts of one route configuration that come by VHDS, and the requests that wait for more of them. They are merged with those
/// that the configuration names itself. A host that is wrong is refused by its name, and the last good version of it stays.
/// <code>
///   request -> ask for ROUTES/HOST -> answer: host, empty resource or removal -> routes in force -> request goes on
/// </code>
/// Main loop, except for what begins with Post.
/// </summary>
internal sealed class DiscoveredHosts : IDisposable
{
    /// <summary>Hosts that are waited for at once. Each has a request that waits; more are not asked for and have no route.</summary>
    internal const int WaitingHostsMax = 4096;

    /// <summary>
    /// Names without a host that stay subscribed, so that a host that appears is pushed. Clients make names up: the oldest is given up, and asked
    /// for again with its next request.
    /// </summary>
    internal const int AbsentNamesMax = 1024;

    // A host name has at most 253 characters; no domain that a request could match is longer than this (DomainIndex).
    private const int HostBytesMax = 512;

    private readonly CompileContext _context;
    private readonly RouteConfigSlot _slot;
    private readonly Dictionary<string, HostDemand> _waiting = new(StringComparer.Ordinal);
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly List<string> _absent = [];
    private SortedDictionary<string, DiscoveredHost> _hosts = new(StringComparer.Ordinal);
    private HashSet<string> _ids = new(StringComparer.Ordinal);
    private RouteConfigurationParts? _base;
    private RouteConfigurationParts? _domainsOf;
    private Dictionary<string, string> _domains = [];
    private VirtualHostDirectory? _directory;
    private bool _reloads;
    private bool _disposed;

    /// <param name="slot">Whose routes they are.</param>
    /// <param name="routes">The route configuration's name.</param>
    /// <param name="statPrefix">Of the connection manager, with <c>http.</c> before it.</param>
    /// <param name="context">What they compile with.</param>
    public DiscoveredHosts(RouteConfigSlot slot, string routes, string statPrefix, CompileContext context)
    {
        (_slot, Routes, _context) = (slot, routes, context);
        Stats = new VhdsStats(context.Stats.Scope($"{statPrefix}.vhds.{routes}"));
        context.VirtualHosts.Users.Add(this);
    }

    /// <summary>The route configuration's name, with which the names of its resources begin.</summary>
    public string Routes { get; }

    public VhdsStats Stats { get; }

    // Internal for testing
    internal RouteConfigSlot Slot => _slot;

    /// <summary>In the order of their names, which is theirs behind the hosts of the configuration itself.</summary>
    public IReadOnlyCollection<DiscoveredHost> Hosts => _hosts.Values;

    /// <summary>Of the newest response that changed something; empty before.</summary>
    public string Version { get; private set; } = "";

    /// <summary>When that was.</summary>
    public DateTimeOffset Updated { get; private set; }

    /// <summary>Calls back once when the first response was applied or its time is over, at once if so now.</summary>
    public void WhenKnown(Action callback) => _directory!.WhenKnown(callback);

    /// <summary>
    /// A configuration with the hosts that are known. Refuses one that gives a domain of theirs to a host of its own.
    /// </summary>
    public RouteConfigurationParts Merge(RouteConfigurationParts configuration)
    {
        Dictionary<string, string> own = DomainsOf(configuration);
        foreach (DiscoveredHost host in _hosts.Values)
        {
            foreach (string domain in host.Domains)
            {
                if (own.TryGetValue(domain, out string? other))
                {
                    throw new ConfigRejectedException(
                        "virtual_hosts", $"domain '{domain}' of virtual host '{other}' is that of '{host.Name}', which came by VHDS");
                }
            }
        }

        return MergeHosts(configuration, _hosts.Values);
    }

    /// <summary>The configuration is in force, and its hosts come from this source.</summary>
    public void Follow(RouteConfigurationParts configuration, VirtualHostDirectory directory)
    {
        _base = configuration;
        if (_directory == directory)
        {
            return;
        }

        // Hosts of another source serve on until this one says otherwise.
        VirtualHostDirectory? former = _directory;
        _directory = directory;
        directory.Add(this);
        Stats.Subscription.Attempted();
        foreach (string name in _asked)
        {
            former!.GiveUp(name);
            directory.Ask(name, again: false);
        }

        if (former is not null)
        {
            _context.VirtualHosts.Leave(former, this);
        }

        // They were accepted before, or came while nobody wanted them; a refusal now has no response to answer.
        foreach (RejectedResource resource in Offer([.. directory.HostsOf(Routes)], []))
        {
            Log.Warning(LogComponent.Config, $"VHDS resource '{resource.Name}' cannot be used: {resource.Reason}");
        }
    }

    /// <summary>Takes what a response brought, but for what it returns: names with what is wrong.</summary>
    public IReadOnlyList<RejectedResource> Offer(IReadOnlyList<DiscoveredHost> added, IReadOnlyList<string> removed)
    {
        List<RejectedResource> rejected = [];
        List<DiscoveredHost> good = [];
        foreach (DiscoveredHost host in added)
        {
            if (Refusal(host) is { } reason)
            {
                rejected.Add(new RejectedResource(host.Name, reason));
            }
            else
            {
                good.Add(host);
            }
        }

        SortedDictionary<string, DiscoveredHost> former = _hosts;
        HashSet<string> formerIds = _ids;
        SortedDictionary<string, DiscoveredHost> next = Resolve(good, removed, rejected);
        if (good.Count > 0 || next.Count != former.Count)
        {
            try
            {
                _hosts = next;
                _ids = IdsOf(next.Values);
                _reloads = true;
                _slot.Rebuild();
            }
            catch (ConfigRejectedException e)
            {
                // Each is good by itself and all together are not: none is taken.
                (_hosts, _ids, _reloads) = (former, formerIds, false);
                rejected.AddRange(good.ConvertAll(host => new RejectedResource(host.Name, e.Message)));
                good.Clear();
            }
        }

        NoteAbsent(formerIds);
        Count(good, rejected, removed.Count > 0);
        return rejected;
    }

    /// <summary>The control plane has said what it has under these names.</summary>
    public void Answer(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (!_ids.Contains(name) && _asked.Contains(name))
            {
                Stats.Empty();
            }

            string host = name[(Routes.Length + 1)..];
            if (_waiting.TryGetValue(host, out HostDemand? demand))
            {
                demand.IsAnswered = true;
                if (!_slot.IsWaitingForClusters || !_ids.Contains(name))
                {
                    Release(host, demand);
                }
            }
        }
    }

    /// <summary>New routes are in force.</summary>
    public void OnPublished()
    {
        if (_reloads)
        {
            _reloads = false;
            Stats.Reloaded();
        }

        foreach (KeyValuePair<string, HostDemand> waiting in new List<KeyValuePair<string, HostDemand>>(_waiting))
        {
            if (waiting.Value.IsAnswered || NameFor(waiting.Key) != waiting.Value.Formerly)
            {
                Release(waiting.Key, waiting.Value);
            }
        }
    }

    /// <summary>
    /// Asks for the virtual host of a request; the callback runs on the caller's loop once the control plane has answered and what it has is in
    /// force. Any loop.
    /// </summary>
    /// <param name="host">From the request, in lower case.</param>
    /// <param name="formerly">The name of the virtual host that the caller found, which has no route for the request; null for none.</param>
    /// <param name="caller">The request's loop.</param>
    /// <param name="ready">Called with <paramref name="state"/>.</param>
    /// <param name="state">The waiter; names it to <see cref="PostCancel"/>, too.</param>
    public void PostDemand(string host, string? formerly, EventLoop caller, Action<object?> ready, object state) =>
        _context.Workers.MainLoop.Post(
            static demand => ((Action)demand!)(), () => Demand(host, formerly, caller, ready, state));

    /// <summary>The request is over. Any loop.</summary>
    public void PostCancel(string host, object state) =>
        _context.Workers.MainLoop.Post(static cancel => ((Action)cancel!)(), () => Cancel(host, state));

    /// <summary>The host that a request is for, as it is asked for; null when there can be none of that name.</summary>
    public static string? HostOf(ReadOnlySpan<byte> authority)
    {
        // A slash would name another route configuration.
        return authority.Length is 0 or > HostBytesMax || authority.IndexOfAnyExceptInRange((byte)'!', (byte)'~') >= 0 || authority.Contains((byte)'/')
            ? null
            : Encoding.ASCII.GetString(authority).ToLowerInvariant();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _context.VirtualHosts.Users.Remove(this);
        if (_directory is { } directory)
        {
            foreach (string name in _asked)
            {
                directory.GiveUp(name);
            }

            _context.VirtualHosts.Leave(directory, this);
        }

        _asked.Clear();
        foreach (HostDemand demand in _waiting.Values)
        {
            demand.PostAll();
        }

        _waiting.Clear();
        Stats.Dispose();
    }

    private static RouteConfigurationParts MergeHosts(RouteConfigurationParts configuration, IReadOnlyCollection<DiscoveredHost> hosts)
    {
        List<ReadOnlyMemory<byte>> all = new(configuration.VirtualHosts.Count + hosts.Count);
        all.AddRange(configuration.VirtualHosts);
        foreach (DiscoveredHost host in hosts)
        {
            all.Add(host.Message);
        }

        return configuration with { VirtualHosts = all };
    }

    // Domain to the host that has it; of two in one configuration the compiler speaks. Read once for all changes of hosts.
    private Dictionary<string, string> DomainsOf(RouteConfigurationParts configuration)
    {
        if (ReferenceEquals(_domainsOf, configuration))
        {
            return _domains;
        }

        var domains = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (ReadOnlyMemory<byte> message in configuration.VirtualHosts)
        {
            var host = Envoy.Config.Route.V3.VirtualHost.Parser.ParseFrom(message.Span);
            foreach (string domain in host.Domains)
            {
                domains.TryAdd(domain.ToLowerInvariant(), host.Name);
            }
        }

        (_domainsOf, _domains) = (configuration, domains);
        return domains;
    }

    private static HashSet<string> IdsOf(IEnumerable<DiscoveredHost> hosts)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (DiscoveredHost host in hosts)
        {
            ids.Add(host.Name);
            ids.UnionWith(host.Aliases);
        }

        return ids;
    }

    // What is wrong with a host by itself; null for nothing.
    private string? Refusal(DiscoveredHost host)
    {
        const string Place = "virtual_hosts[0]";
        string before = _context.ResourceName;
        _context.ResourceName = host.Name;
        try
        {
            var alone = new RouteConfigCompiler(_context) { Discovery = this };
            alone.Compile(_base! with { VirtualHosts = [host.Message] }).Retire();
            return null;
        }
        catch (ConfigRejectedException e) when (e.Field.StartsWith(Place, StringComparison.Ordinal))
        {
            return new ConfigRejectedException(e.Field[Place.Length..].TrimStart('.'), e.Problem, e).Message;
        }
        catch (ConfigRejectedException e)
        {
            return e.Message;
        }
        finally
        {
            _context.ResourceName = before;
        }
    }

    // The hosts to come. Who has a domain keeps it: first the configuration itself, then hosts that are not touched, then those that stand
    // first in the response. A refused host keeps its former version, which has its domains then: hence from the start each time.
    private SortedDictionary<string, DiscoveredHost> Resolve(
        List<DiscoveredHost> good, IReadOnlyList<string> removed, List<RejectedResource> rejected)
    {
        while (true)
        {
            var next = new SortedDictionary<string, DiscoveredHost>(_hosts, StringComparer.Ordinal);
            foreach (string name in removed)
            {
                next.Remove(name);
            }

            foreach (DiscoveredHost host in good)
            {
                next.Remove(host.Name);
            }

            var domains = new Dictionary<string, string>(DomainsOf(_base!), StringComparer.Ordinal);
            foreach (DiscoveredHost host in next.Values)
            {
                Claim(host, domains);
            }

            DiscoveredHost? conflicting = null;
            foreach (DiscoveredHost host in good)
            {
                if (Claim(host, domains) is { } conflict)
                {
                    rejected.Add(new RejectedResource(host.Name, conflict));
                    conflicting = host;
                    break;
                }

                next[host.Name] = host;
            }

            if (conflicting is null)
            {
                return next;
            }

            good.Remove(conflicting);
        }
    }

    // What another host has already, or null.
    private string? Claim(DiscoveredHost host, Dictionary<string, string> domains)
    {
        for (int i = 0; i < host.Domains.Count; i++)
        {
            if (!domains.TryAdd(host.Domains[i], host.Name))
            {
                return $"domains[{i}]: domain '{host.Domains[i]}' is that of virtual host '{domains[host.Domains[i]]}' in route configuration '{Routes}'";
            }
        }

        return null;
    }

    private void Count(List<DiscoveredHost> good, List<RejectedResource> rejected, bool removes)
    {
        if (good.Count > 0 || removes)
        {
            Version = good.Count > 0 ? good[^1].Version : Version;
            Updated = _context.Workers.MainLoop.WallNow;
        }

        if (rejected.Count > 0)
        {
            Stats.Subscription.Rejected();
        }
        else if (good.Count > 0 || removes)
        {
            Stats.Subscription.Succeeded(Version, Updated, 0);
        }
    }

    private void Demand(string host, string? formerly, EventLoop caller, Action<object?> ready, object state)
    {
        string name = $"{Routes}/{host}";
        if (_waiting.TryGetValue(host, out HostDemand? demand))
        {
            demand.Add(caller, ready, state);
            return;
        }

        // What a name stands for is known, and kept up to date: asking again would bring nothing new. Or it came while the request did.
        bool isKnown = _ids.Contains(name);
        if (_disposed || (isKnown && !_slot.IsWaitingForClusters) || NameFor(host) != formerly || _waiting.Count >= WaitingHostsMax)
        {
            caller.Post(ready, state);
            return;
        }

        demand = new HostDemand(formerly) { IsAnswered = isKnown };
        demand.Add(caller, ready, state);
        _waiting.Add(host, demand);
        if (!isKnown)
        {
            _absent.Remove(name);
            _directory!.Ask(name, again: !_asked.Add(name));
            Stats.Subscription.Attempted();
        }
    }

    private void Cancel(string host, object state)
    {
        if (_waiting.TryGetValue(host, out HostDemand? demand))
        {
            demand.Remove(state);
            if (demand.IsEmpty)
            {
                Release(host, demand);
            }
        }
    }

    private void Release(string host, HostDemand demand)
    {
        _waiting.Remove(host);
        demand.PostAll();
        string name = $"{Routes}/{host}";
        if (!_ids.Contains(name) && _asked.Contains(name))
        {
            AddAbsent(name);
        }
    }

    private void NoteAbsent(HashSet<string> formerIds)
    {
        _absent.RemoveAll(_ids.Contains);
        foreach (string name in formerIds)
        {
            if (!_ids.Contains(name) && _asked.Contains(name) && !_waiting.ContainsKey(name[(Routes.Length + 1)..]))
            {
                AddAbsent(name);
            }
        }
    }

    private void AddAbsent(string name)
    {
        _absent.Remove(name);
        _absent.Add(name);
        if (_absent.Count > AbsentNamesMax)
        {
            string oldest = _absent[0];
            _absent.RemoveAt(0);
            _asked.Remove(oldest);
            _directory!.GiveUp(oldest);
        }
    }

    private string? NameFor(string host) => _slot.Current?.FindHost(Encoding.ASCII.GetBytes(host))?.Name;
}
