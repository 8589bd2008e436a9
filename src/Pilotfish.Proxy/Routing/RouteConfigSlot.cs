using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// The current routes of a connection manager: fixed by its listener, or following an RDS subscription. The main loop swaps the model;
/// workers take the reference once per request. Routes that name a cluster which only now warms wait for it while there are others to
/// serve by, so that a push of both loses no request. With vhds the routes are those of the configuration and of discovered virtual hosts.
/// </summary>
public sealed class RouteConfigSlot : IResourceConsumer, IDisposable
{
    /// <summary>A cluster that does not warm must not hold up the routes to all the others for ever.</summary>
    internal const int PatienceMilliseconds = 5000;

    private readonly CompileContext? _context;
    private volatile RouteConfigModel? _current;
    private RouteConfigModel? _next;
    private LoopTimer? _patience;
    private readonly string _statPrefix;
    private IDisposable? _subscription;
    private RdsStats? _stats;
    private RouteConfigurationParts? _base;
    private DiscoveredHosts? _discovered;
    private Action? _ready;

    private RouteConfigSlot(string name, CompileContext? context, string statPrefix = "")
    {
        Name = name;
        _context = context;
        _statPrefix = statPrefix;
    }

    /// <summary>Of a connection manager whose routes depend on their scope.</summary>
    public static RouteConfigSlot None { get; } = new("", null) { IsReady = true };

    public string Name { get; }

    /// <summary>Null until RDS has answered: requests get 404 then.</summary>
    public RouteConfigModel? Current => _current;

    /// <summary>Whether the wait is over: routes are here, or the fetch timed out.</summary>
    public bool IsReady { get; private set; }

    public static RouteConfigSlot Fixed(RouteConfigModel model) => new(model.Name, null) { _current = model, IsReady = true };

    /// <summary>Whether new routes wait for clusters that warm.</summary>
    internal bool IsWaitingForClusters => _next is not null;

    /// <summary>The routes of a configuration that no subscription updates, but for hosts that it leaves to discovery.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="context">What it compiles with.</param>
    /// <param name="statPrefix">What statistics of discovered hosts begin with.</param>
    public static RouteConfigSlot Inline(RouteConfiguration config, CompileContext context, string statPrefix)
    {
        if (config.Vhds is null)
        {
            return Fixed(new RouteConfigCompiler(context).Compile(config));
        }

        var slot = new RouteConfigSlot(config.Name, context, statPrefix);
        slot.OnResource(config.Name, config.ToByteArray(), "");
        return slot;
    }

    /// <param name="name">The RDS name.</param>
    /// <param name="context">What they compile with.</param>
    /// <param name="source">Where they come from; null means ADS.</param>
    /// <param name="statPrefix">What its statistics begin with; empty for none.</param>
    public static RouteConfigSlot Subscribe(string name, CompileContext context, ConfigSource? source, string statPrefix = "")
    {
        var slot = new RouteConfigSlot(name, context, statPrefix);
        if (statPrefix.Length > 0)
        {
            slot._stats = new RdsStats(context.Stats.Scope($"{statPrefix}.rds.{name}"));
        }

        try
        {
            slot._subscription = context.Subscriptions.Subscribe(ResourceType.Route, name, slot, source);
        }
        catch (ConfigRejectedException)
        {
            // A source that cannot be asked leaves no names behind.
            slot.Dispose();
            throw;
        }

        return slot;
    }

    /// <summary>Main loop: calls back once when the slot is ready, at once when it is already.</summary>
    public void WhenReady(Action callback)
    {
        if (IsReady)
        {
            callback();
        }
        else
        {
            _ready += callback;
        }
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        string before = _context!.ResourceName;
        _context.ResourceName = name;
        EventLoop loop = _context.Workers.MainLoop;
        long began = loop.ReadClockNanoseconds();
        bool accepted = false;
        try
        {
            Apply(message);
            accepted = true;
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ConfigRejectedException("", exception.Message, exception);
        }
        finally
        {
            _context.ResourceName = before;
            if (!accepted)
            {
                _stats?.Refused();
            }
        }

        _stats?.Accepted(message.Span, version, loop, began);

        if (_discovered is null || IsReady)
        {
            Ready();
        }
        else
        {
            _discovered.WhenKnown(Ready);
        }
    }

    public void OnRemoved(string name)
    {
        Use(null);
        EndDiscovery();
    }

    public void OnInitialFetchTimeout(string name)
    {
        _stats?.TimedOut();
        Ready();
    }

    public void OnStreamEnded() => _stats?.StreamEnded();

    public void Dispose()
    {
        _patience?.Cancel();
        _next?.Retire();
        _next = null;
        _subscription?.Dispose();
        EndDiscovery();
        _current?.Retire();
        _stats?.Dispose();
    }

    /// <summary>Compiles the configuration anew with the hosts that were discovered; throws what is wrong with it.</summary>
    internal void Rebuild()
    {
        string before = _context!.ResourceName;
        _context.ResourceName = Name;
        try
        {
            Take(Compile(_discovered!.Merge(_base!), _discovered, out IReadOnlyList<ClusterReference> arriving), arriving);
        }
        finally
        {
            _context.ResourceName = before;
        }
    }

    private void Apply(ReadOnlyMemory<byte> message)
    {
        var parts = RouteConfigurationParts.Read(message);
        if (parts.Rest.Vhds is not { } vhds)
        {
            RouteConfigModel plain = Compile(parts, null, out IReadOnlyList<ClusterReference> awaited);
            Take(plain, awaited);
            EndDiscovery();
            return;
        }

        // Kept for each change of the hosts; the message's bytes are the sender's.
        parts = RouteConfigurationParts.Read(message.ToArray());
        string routes = parts.Rest.Name;
        if (routes.Length == 0)
        {
            throw new ConfigRejectedException("name", "vhds is set, and the names of virtual hosts begin with that of their route configuration");
        }

        VirtualHostDirectory directory = DirectoryOf(vhds);
        DiscoveredHosts? former = _discovered;
        DiscoveredHosts hosts = former?.Routes == routes ? former : new DiscoveredHosts(this, routes, _statPrefix, _context!);
        RouteConfigModel model;
        IReadOnlyList<ClusterReference> arriving;
        try
        {
            model = Compile(hosts.Merge(parts), hosts, out arriving);
        }
        catch
        {
            if (hosts != former)
            {
                hosts.Dispose();
            }

            _context!.VirtualHosts.Leave(directory, null);
            throw;
        }

        _base = parts;
        _discovered = hosts;
        Take(model, arriving);
        hosts.Follow(parts, directory);
        if (hosts != former)
        {
            former?.Dispose();
        }
    }

    private VirtualHostDirectory DirectoryOf(Vhds vhds)
    {
        try
        {
            return _context!.VirtualHosts.Of(vhds.ConfigSource, _context);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within("vhds.config_source");
        }
    }

    private RouteConfigModel Compile(RouteConfigurationParts parts, DiscoveredHosts? hosts, out IReadOnlyList<ClusterReference> arriving)
    {
        RouteConfigModel? model = null;
        arriving = _context!.Clusters.Arriving(() => model = new RouteConfigCompiler(_context) { Discovery = hosts }.Compile(parts));
        return model!;
    }

    private void Take(RouteConfigModel model, IReadOnlyList<ClusterReference> arriving)
    {
        if (_current is null || arriving.Count == 0)
        {
            Use(model);
        }
        else
        {
            UseWhenArrived(model, [.. arriving]);
        }
    }

    private void EndDiscovery()
    {
        _discovered?.Dispose();
        _discovered = null;
        _base = null;
    }

    private void Use(RouteConfigModel? model)
    {
        _patience?.Cancel();
        if (_next != model)
        {
            _next?.Retire();
        }

        _next = null;
        RouteConfigModel? former = _current;
        _current = model;
        former?.Retire();
        _discovered?.OnPublished();
    }

    private void UseWhenArrived(RouteConfigModel model, HashSet<ClusterReference> arriving)
    {
        _next?.Retire();
        _next = model;
        _patience ??= new LoopTimer(_context!.Workers.MainLoop, static slot => ((RouteConfigSlot)slot!).StopWaiting(), this);
        _patience.Schedule(PatienceMilliseconds);
        int left = arriving.Count;
        foreach (ClusterReference cluster in arriving)
        {
            cluster.WhenArrived(() =>
            {
                if (--left == 0 && _next == model)
                {
                    Use(model);
                }
            });
        }
    }

    private void StopWaiting()
    {
        if (_next is { } model)
        {
            Log.Warning(LogComponent.Config, $"routes '{Name}' take effect though a cluster that they name has no hosts yet");
            Use(model);
        }
    }

    private void Ready()
    {
        IsReady = true;
        Action? callbacks = _ready;
        _ready = null;
        callbacks?.Invoke();
    }
}
