using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// The current routes of a connection manager: fixed by its listener, or following an RDS subscription. The main loop swaps the model;
/// workers take the reference once per request. Routes that name a cluster which only now warms wait for it while there are others to
/// serve by, so that a push of both loses no request.
/// </summary>
public sealed class RouteConfigSlot : IResourceConsumer, IDisposable
{
    /// <summary>A cluster that does not warm must not hold up the routes to all the others for ever.</summary>
    internal const int PatienceMilliseconds = 5000;

    private readonly CompileContext? _context;
    private volatile RouteConfigModel? _current;
    private RouteConfigModel? _next;
    private LoopTimer? _patience;
    private IDisposable? _subscription;
    private Action? _ready;

    private RouteConfigSlot(string name, CompileContext? context)
    {
        Name = name;
        _context = context;
    }

    /// <summary>Of a connection manager whose routes depend on their scope.</summary>
    public static RouteConfigSlot None { get; } = new("", null) { IsReady = true };

    public string Name { get; }

    /// <summary>Null until RDS has answered: requests get 404 then.</summary>
    public RouteConfigModel? Current => _current;

    /// <summary>Whether the wait is over: routes are here, or the fetch timed out.</summary>
    public bool IsReady { get; private set; }

    public static RouteConfigSlot Fixed(RouteConfigModel model) => new(model.Name, null) { _current = model, IsReady = true };

    /// <param name="name">The RDS name.</param>
    /// <param name="context">What they compile with.</param>
    /// <param name="source">Where they come from; null means ADS.</param>
    public static RouteConfigSlot Subscribe(string name, CompileContext context, ConfigSource? source)
    {
        var slot = new RouteConfigSlot(name, context);
        slot._subscription = context.Subscriptions.Subscribe(ResourceType.Route, name, slot, source);
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
        RouteConfigModel? model = null;
        IReadOnlyList<ClusterReference> arriving;
        try
        {
            arriving = _context.Clusters.Arriving(() => model = new RouteConfigCompiler(_context).Compile(message));
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ConfigRejectedException("", exception.Message, exception);
        }
        finally
        {
            _context.ResourceName = before;
        }

        if (_current is null || arriving.Count == 0)
        {
            Use(model);
        }
        else
        {
            UseWhenArrived(model!, [.. arriving]);
        }

        Ready();
    }

    public void OnRemoved(string name) => Use(null);

    public void OnInitialFetchTimeout(string name) => Ready();

    public void Dispose()
    {
        _patience?.Cancel();
        _next?.Retire();
        _next = null;
        _subscription?.Dispose();
        _current?.Retire();
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
