using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Endpoints from EDS. A cluster whose assignment never comes starts empty; a bad one keeps the last good one.</summary>
internal sealed class EdsHosts : HostSource, IResourceConsumer
{
    private readonly ClusterModel _model;
    private readonly IHostSink _sink;
    private readonly ISubscriptions _subscriptions;
    private readonly Runtime.Loops.EventLoop _mainLoop;
    private LoopTimer? _stale;
    private IDisposable? _subscription;
    private Action? _initialized;

    public EdsHosts(ClusterModel model, IHostSink sink, ISubscriptions subscriptions, Runtime.Loops.EventLoop mainLoop)
    {
        _model = model;
        _sink = sink;
        _subscriptions = subscriptions;
        _mainLoop = mainLoop;
    }

    public override void Start(Action initialized)
    {
        _initialized = initialized;
        _subscription = _subscriptions.Subscribe(ResourceType.Endpoints, _model.EdsServiceName, this, _model.EdsSource);
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        ClusterLoadAssignment parsed;
        try
        {
            parsed = ClusterLoadAssignment.Parser.ParseFrom(message.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException("", $"the assignment is not a valid ClusterLoadAssignment: {e.Message}", e);
        }

        AssignmentModel assignment = AssignmentCompiler.Compile(parsed, resolvesNames: false, field: "");
        _stale?.Cancel();
        if (assignment.StaleAfterMilliseconds > 0)
        {
            _stale ??= new LoopTimer(_mainLoop, static state => ((EdsHosts)state!)._sink.Update(new AssignmentModel(), null), this);
            _stale.Schedule(assignment.StaleAfterMilliseconds);
        }

        _sink.Update(assignment, parsed);
        Initialized();
    }

    /// <summary>Endpoints of a removed assignment go on: only an empty assignment empties a cluster (Envoy does the same).</summary>
    public void OnRemoved(string name) => Initialized();

    public void OnInitialFetchTimeout(string name) => Initialized();

    public override void Dispose()
    {
        _initialized = null;
        _stale?.Cancel();
        _subscription?.Dispose();
    }

    private void Initialized()
    {
        Action? initialized = _initialized;
        _initialized = null;
        initialized?.Invoke();
    }
}
