using Envoy.Config.Route.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// The current routes of a connection manager: fixed by its listener, or following an RDS subscription. The main loop swaps the model;
/// workers take the reference once per request.
/// </summary>
public sealed class RouteConfigSlot : IResourceConsumer, IDisposable
{
    private readonly CompileContext? _context;
    private volatile RouteConfigModel? _current;
    private IDisposable? _subscription;
    private Action? _ready;

    private RouteConfigSlot(string name, CompileContext? context)
    {
        Name = name;
        _context = context;
    }

    public string Name { get; }

    /// <summary>Null until RDS has answered: requests get 404 then.</summary>
    public RouteConfigModel? Current => _current;

    /// <summary>Whether the wait is over: routes are here, or the fetch timed out.</summary>
    public bool IsReady { get; private set; }

    public static RouteConfigSlot Fixed(RouteConfigModel model) => new(model.Name, null) { _current = model, IsReady = true };

    public static RouteConfigSlot Subscribe(string name, CompileContext context)
    {
        var slot = new RouteConfigSlot(name, context);
        slot._subscription = context.Subscriptions.Subscribe(ResourceType.Route, name, slot);
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
        RouteConfiguration config;
        try
        {
            config = RouteConfiguration.Parser.ParseFrom(message.Span);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ConfigRejectedException("", exception.Message, exception);
        }

        string before = _context!.ResourceName;
        _context.ResourceName = name;
        try
        {
            _current = new RouteConfigCompiler(_context).Compile(config);
        }
        finally
        {
            _context.ResourceName = before;
        }

        Ready();
    }

    public void OnRemoved(string name) => _current = null;

    public void OnInitialFetchTimeout(string name) => Ready();

    public void Dispose() => _subscription?.Dispose();

    private void Ready()
    {
        IsReady = true;
        Action? callbacks = _ready;
        _ready = null;
        callbacks?.Invoke();
    }
}
