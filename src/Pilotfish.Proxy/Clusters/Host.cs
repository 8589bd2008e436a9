using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// One endpoint of one cluster. It survives pushes as long as address and hostname stay in the membership; weight,
/// metadata and health change in place, so pools, load and ejection state stay with it.
/// </summary>
public sealed class Host
{
    // Set once.
    private readonly IHostPool?[] _pools;

    // Any thread, atomically.
    private int _activeRequests;
    private int _activeConnections;
    private long _connections;
    private long _connectFailures;
    private long _requests;
    private long _healthySince;
    private int _health;
    private volatile bool _isCanary;
    private volatile HostConfig _config;
    private volatile string _addressText;
    private volatile TransportChoice? _transport;

    public Host(HostConfig config, int workerCount, long addedAtMilliseconds)
    {
        _config = config;
        _isCanary = config.Metadata.IsCanary;
        _pools = new IHostPool?[workerCount];
        _healthySince = addedAtMilliseconds;
        _health = (int)config.EdsHealth;
        _addressText = config.Address.ToString();
        Monitor = new HostMonitor(this);
    }

    public NetAddress Address => _config.Address;

    /// <summary>`ip:port`, formatted once: hash keys, access logs and /clusters print it.</summary>
    public string AddressText => _addressText;

    public string Hostname => _config.Hostname;

    public HostConfig Config => _config;

    public uint Weight => _config.Weight;

    public Locality Locality => _config.Locality;

    /// <summary>Loop time of its arrival, or of the last active check that it passed while it was taken for down: slow start counts from here.</summary>
    public long HealthySinceMilliseconds => Volatile.Read(ref _healthySince);

    public HostHealth Health => (HostHealth)Volatile.Read(ref _health);

    public bool IsDegraded => (Health & (HostHealth.DegradedActiveHealthCheck | HostHealth.DegradedEdsHealth)) != 0;

    public bool IsUnhealthy => (Health & UnhealthyMask) != 0;

    /// <summary>Counted out of both sides of the health ratio.</summary>
    public bool IsExcluded => (Health & ExcludedMask) != 0;

    /// <summary>Whether the endpoint's metadata calls it canary.</summary>
    public bool IsCanary => _isCanary;

    public int ActiveRequests => Volatile.Read(ref _activeRequests);

    public int ActiveConnections => Volatile.Read(ref _activeConnections);

    /// <summary>Connections ever begun to this host.</summary>
    public long ConnectionsTotal => Interlocked.Read(ref _connections);

    /// <summary>Those that never came about: refused, timed out, failed handshakes, no port left.</summary>
    public long ConnectFailures => Interlocked.Read(ref _connectFailures);

    /// <summary>Requests and TCP connections ever given to this host.</summary>
    public long RequestsTotal => Interlocked.Read(ref _requests);

    /// <summary>Outlier detection's view of the host and its counters.</summary>
    public HostMonitor Monitor { get; }

    private const HostHealth ExcludedMask =
        HostHealth.PendingActiveHealthCheck | HostHealth.ExcludedViaImmediateHealthCheckFailure;

    private const HostHealth UnhealthyMask =
        HostHealth.FailedActiveHealthCheck | HostHealth.FailedOutlierCheck | HostHealth.FailedEdsHealth
        | HostHealth.EdsStatusDraining;

    /// <summary>What worker <paramref name="worker"/> keeps for this host; that worker's loop only.</summary>
    public ref IHostPool? Slot(int worker) => ref _pools[worker];

    /// <summary>Counts a request or TCP connection that the balancer should see as load; pair with <see cref="RequestEnded"/>.</summary>
    public void RequestStarted()
    {
        Interlocked.Increment(ref _activeRequests);
        Interlocked.Increment(ref _requests);
    }

    public void RequestEnded() => Interlocked.Decrement(ref _activeRequests);

    /// <summary>The transport for this host under a cluster's rules, chosen once per version of its metadata.</summary>
    internal UpstreamTransport Transport(UpstreamTransportSelector selector)
    {
        HostConfig config = _config;
        TransportChoice? choice = _transport;
        if (choice is null || choice.Selector != selector || !ReferenceEquals(choice.Config, config))
        {
            _transport = choice = new TransportChoice(selector, config, selector.Choose(config));
        }

        return choice.Transport;
    }

    internal void ConnectionOpened()
    {
        Interlocked.Increment(ref _activeConnections);
        Interlocked.Increment(ref _connections);
    }

    internal void ConnectFailed() => Interlocked.Increment(ref _connectFailures);

    internal void ConnectionClosed() => Interlocked.Decrement(ref _activeConnections);

    /// <summary>Main loop only. True when the flags changed; the owner then publishes a new host set.</summary>
    internal bool SetHealth(HostHealth flags, bool on)
    {
        int before = _health;
        int after = on ? before | (int)flags : before & ~(int)flags;
        Volatile.Write(ref _health, after);
        return before != after;
    }

    /// <summary>Main loop only. An active check passed that the host did not pass before.</summary>
    internal void CameBack(long nowMilliseconds) => Volatile.Write(ref _healthySince, nowMilliseconds);

    /// <summary>Main loop only. Takes over what a push changed; true when the balancer must see it.</summary>
    internal bool Update(HostConfig config)
    {
        HostConfig before = _config;
        _config = config;
        _isCanary = config.Metadata.IsCanary;
        bool moved = before.Address != config.Address;
        if (moved)
        {
            _addressText = config.Address.ToString();
        }

        bool healthChanged = SetHealth(EdsMask & ~config.EdsHealth, on: false) | SetHealth(config.EdsHealth, on: true);
        return moved || healthChanged || before.Weight != config.Weight || before.Priority != config.Priority
            || before.LocalityWeight != config.LocalityWeight || before.Locality != config.Locality
            || !before.HasSameMetadata(config);
    }

    private const HostHealth EdsMask =
        HostHealth.FailedEdsHealth | HostHealth.DegradedEdsHealth | HostHealth.EdsStatusDraining;

    private sealed record TransportChoice(UpstreamTransportSelector Selector, HostConfig Config, UpstreamTransport Transport);
}
