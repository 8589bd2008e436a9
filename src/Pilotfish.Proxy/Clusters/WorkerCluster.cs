using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>One worker's side of one cluster: picks hosts and opens connections. That worker's loop only.</summary>
public sealed class WorkerCluster
{
    // Parts per million: what drop_overloads are measured in.
    private const int Million = 1_000_000;
    private const int Percent = 100;

    private readonly UpstreamConnector _connector;
    private readonly OriginalDestinationHosts? _originalDestinations;
    private LinkedList<IClusterUser>? _users;
    private LinkedList<IHostUser>? _hostUsers;

    internal WorkerCluster(Worker worker, ClusterState state)
    {
        Worker = worker;
        State = state;
        _connector = new UpstreamConnector(this);
        _originalDestinations = state.Config.OriginalDestination is { } policy
            ? new OriginalDestinationHosts(this, policy)
            : null;
        Provision = state.Config.Preconnect.PredictiveRatio is > PreconnectPolicy.RatioMin and var ratio ? new ClusterProvision(ratio) : null;
    }

    public Worker Worker { get; }

    public ClusterState State { get; }

    /// <summary>What the pools of this worker provide; null unless connections are opened for requests that are foreseen.</summary>
    internal ClusterProvision? Provision { get; }

    /// <summary>
    /// Whether a new HTTP request is dropped as the cluster's maintenance mode or the assignment's policy.drop_overloads asks; null when it is
    /// not. Asked once per request, not per attempt; TCP connections are never dropped.
    /// </summary>
    public EndReason? Drop()
    {
        uint refused = State.RefusedPercent;
        if (refused > 0 && Worker.Random.NextBelow(Percent) < refused)
        {
            Worker.Stats.Add(State.Stats.MaintenanceMode);
            return EndReasons.MaintenanceMode;
        }

        uint share = State.Hosts.DropPerMillion;
        if (share == 0 || Worker.Random.NextBelow(Million) >= share)
        {
            return null;
        }

        Worker.Stats.Add(State.Stats.DropOverload);
        return share < Million ? EndReasons.DropOverload : EndReasons.UnconditionalDropOverload;
    }

    /// <summary>Chooses a host, or tells why there is none. Allocates nothing once the membership has settled.</summary>
    public HostPick Pick(in LoadBalancingRequest request)
    {
        if (_originalDestinations is not null)
        {
            return _originalDestinations.Pick(request.OriginalDestination);
        }

        HostSet hosts = State.Hosts;
        Host? host = hosts.Subsets is { } subsets ? PickOfSubsets(subsets, hosts, in request) : PickFrom(hosts, request);
        if (host is null)
        {
            Worker.Stats.Add(State.Stats.CxNoneHealthy);
            return HostPick.None(EndReasons.NoHealthyUpstream);
        }

        return HostPick.Of(host);
    }

    /// <summary>The host that a later pick will be, as far as that can be told; null where it cannot. Best effort.</summary>
    internal Host? Foresee(in LoadBalancingRequest request)
    {
        if (_originalDestinations is not null)
        {
            return null;
        }

        HostSet hosts = State.Hosts;
        HostSet? members = hosts.Subsets is { } subsets ? subsets.Find(request.Subset, hosts, out _) : hosts;
        return members is null ? null : BalancerOf(members).Foresee(Worker.Loop.NowMilliseconds);
    }

    /// <summary>Connects to a host within connect_timeout, through the cluster's transport, under its breakers.</summary>
    public ValueTask<UpstreamConnectResult> ConnectAsync(Host host, UpstreamConnectOptions options) =>
        _connector.ConnectAsync(host, options);

    internal void ConnectionFinished(UpstreamConnection connection, RoutingPriority priority, bool byRemote)
    {
        StatCells cells = Worker.Stats;
        ClusterStats stats = State.Stats;
        cells.Decrement(stats.CxActive);
        cells.Add(stats.CxDestroy);
        cells.Add(byRemote ? stats.CxDestroyRemote : stats.CxDestroyLocal);
        cells.Record(stats.CxLengthMilliseconds, (Worker.Loop.NowNanoseconds - connection.Times.Begin) / 1_000_000);
        State.Breaker(priority).Connections.Release();
        connection.Host.ConnectionClosed();
        connection.Host.Slot(Worker.Index)?.OnConnectionGone();
    }

    /// <summary>The hosts of this worker alone (ORIGINAL_DST).</summary>
    internal IReadOnlyCollection<Host> OwnHosts => _originalDestinations?.Hosts ?? [];

    /// <summary>From now on the user hears of the cluster's removal; it leaves with <see cref="Leave"/>.</summary>
    internal void Join(LinkedListNode<IClusterUser> user) => (_users ??= new LinkedList<IClusterUser>()).AddLast(user);

    /// <summary>Does nothing for a user that has left.</summary>
    internal void Leave(LinkedListNode<IClusterUser> user)
    {
        if (user.List is { } users)
        {
            users.Remove(user);
        }
    }

    /// <summary>From now on the user hears when its host fails; it leaves with <see cref="Unwatch"/>.</summary>
    internal void Watch(LinkedListNode<IHostUser> user) => (_hostUsers ??= new LinkedList<IHostUser>()).AddLast(user);

    /// <summary>Does nothing for a user that has left.</summary>
    internal static void Unwatch(LinkedListNode<IHostUser> user) => user.List?.Remove(user);

    /// <summary>A host failed, and its connections are to end with it.</summary>
    internal void EndUsersOf(Host host)
    {
        if (_hostUsers is null)
        {
            return;
        }

        foreach (IHostUser user in new List<IHostUser>(_hostUsers))
        {
            if (user.Host == host)
            {
                user.OnHostFailed();
            }
        }
    }

    /// <summary>The cluster is gone: its users end, idle connections close.</summary>
    internal void Close()
    {
        // Only those of now: one that starts again does so on the cluster's successor.
        for (int left = _users?.Count ?? 0; left > 0 && _users!.First is { } first; left--)
        {
            _users.RemoveFirst();
            first.Value.OnClusterRemoved();
        }

        foreach (Host host in State.Hosts.All)
        {
            host.Slot(Worker.Index)?.OnHostLeft();
        }

        _originalDestinations?.Close();
    }

    private Host? PickOfSubsets(SubsetIndex subsets, HostSet whole, in LoadBalancingRequest request)
    {
        if (!subsets.Policy.TriesAlternatives || request.Subset is not { Alternatives.Length: > 0 } listed)
        {
            return PickOfSubset(subsets, request.Subset, whole, in request);
        }

        foreach (SubsetMatch? alternative in listed.Alternatives)
        {
            if (PickOfSubset(subsets, alternative, whole, in request) is { } host)
            {
                return host;
            }
        }

        return null;
    }

    private Host? PickOfSubset(SubsetIndex subsets, SubsetMatch? match, HostSet whole, in LoadBalancingRequest request)
    {
        HostSet? members = subsets.Find(match, whole, out SubsetChoice how);
        if (how == SubsetChoice.Selected)
        {
            Worker.Stats.Add(State.Stats.LbSubsetsSelected);
        }

        Host? host = members is null ? null : PickFrom(members, request);
        if (how != SubsetChoice.ClusterFallback)
        {
            return host;
        }

        if (host is not null)
        {
            Worker.Stats.Add(State.Stats.LbSubsetsFallback);
            return host;
        }

        if (subsets.Policy is { PanicModeAny: true, Fallback: not SubsetFallback.None } && PickFrom(whole, request) is { } any)
        {
            Worker.Stats.Add(State.Stats.LbSubsetsFallbackPanic);
            return any;
        }

        return null;
    }

    private WorkerBalancer BalancerOf(HostSet members)
    {
        ref WorkerBalancer? balancer = ref members.Balancer(Worker.Index);
        return balancer ??= new WorkerBalancer(State.Config.LoadBalancing, members, Worker.Random);
    }

    private Host? PickFrom(HostSet members, in LoadBalancingRequest request)
    {
        WorkerBalancer balancer = BalancerOf(members);
        PriorityLoads? loads = request.PriorityUpdateFrequency > 0
            ? PreviousPriorities.Loads(members, request.Tried, request.PriorityUpdateFrequency)
            : null;
        Host? host = null;
        for (int i = 0; i <= request.ReselectMax; i++)
        {
            // A table answers the same question the same way; asking on with the attempt moves it along.
            host = balancer.Pick(request.Hash, request.Attempt + (uint)i, Worker.Loop.NowMilliseconds, out bool panicked, loads);
            if (panicked)
            {
                Worker.Stats.Add(State.Stats.LbHealthyPanic);
            }

            if (balancer.Zone != ZoneChoice.None)
            {
                State.Stats.Zones.Count(Worker.Stats, balancer.Zone);
            }

            if (host is null || !(Contains(request.Avoid, host) || (request.OmitsCanaries && host.IsCanary) || request.Omits?.Holds(host) == true))
            {
                return host;
            }
        }

        return host;
    }

    private static bool Contains(ReadOnlySpan<Host?> hosts, Host host)
    {
        foreach (Host? candidate in hosts)
        {
            if (candidate == host)
            {
                return true;
            }
        }

        return false;
    }
}
