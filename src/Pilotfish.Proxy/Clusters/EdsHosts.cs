using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Endpoints from EDS. A cluster whose assignment never comes starts empty; a bad one keeps the last good one.</summary>
internal sealed class EdsHosts : HostSource, IResourceConsumer
{
    private readonly ClusterModel _model;
    private readonly IHostSink _sink;
    private readonly CompileContext _context;
    private LoopTimer? _stale;
    private StatScope? _scope;
    private IDisposable? _subscription;
    private Action? _initialized;

    public EdsHosts(ClusterModel model, IHostSink sink, CompileContext context)
    {
        _model = model;
        _sink = sink;
        _context = context;
    }

    public override void Start(Action initialized)
    {
        _initialized = initialized;
        _subscription = _context.Subscriptions.Subscribe(ResourceType.Endpoints, _model.EdsServiceName, this, _model.EdsSource);
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        try
        {
            Accept(name, message);
        }
        catch (ConfigRejectedException)
        {
            CountUpdate("update_rejected");
            throw;
        }

        CountUpdate("update_success");
        if (_sink.Living is { Rebuilt: false } same)
        {
            _context.Stats.Main.Add(same.State.Scope.Counter("update_no_rebuild"));
        }
    }

    private void Accept(string name, ReadOnlyMemory<byte> message)
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

        if (parsed.ClusterName != name && parsed.ClusterName.Length > 0)
        {
            throw new ConfigRejectedException("cluster_name", $"'{parsed.ClusterName}' is not the name of the resource, '{name}'");
        }

        AssignmentModel assignment = AssignmentCompiler.Compile(
            parsed, resolvesNames: false, field: "", _context.Warnings, $"assignment '{name}'");
        _stale?.Cancel();
        if (assignment.StaleAfterMilliseconds > 0)
        {
            Count("assignment_timeout_received");
            _stale ??= new LoopTimer(_context.Workers.MainLoop, static state => ((EdsHosts)state!).OnStale(), this);
            _stale.Schedule(assignment.StaleAfterMilliseconds);
        }

        _sink.Update(assignment, parsed);
        Initialized();
    }

    /// <summary>Endpoints of a removed assignment go on: only an empty assignment empties a cluster (Envoy does the same).</summary>
    public void OnRemoved(string name)
    {
        // Word that there is none is an update as well.
        CountUpdate("update_success");
        if (_sink.Living is { } living)
        {
            _context.Stats.Main.Add(living.State.Scope.Counter("update_empty"));
        }

        Initialized();
    }

    public void OnInitialFetchTimeout(string name)
    {
        CountUpdate("init_fetch_timeout");
        Initialized();
    }

    public override void Dispose()
    {
        _initialized = null;
        _stale?.Cancel();
        _subscription?.Dispose();
        _scope?.Dispose();
        _scope = null;
    }

    private void OnStale()
    {
        Count("assignment_stale");
        _sink.Update(new AssignmentModel(), null);
    }

    // `update_*` of clusters that are used: a mesh pushes thousands that are not.
    private void CountUpdate(string name)
    {
        if (_sink.Living is { } living)
        {
            _context.Stats.Main.Add(living.State.Scope.Counter("update_attempt"));
            _context.Stats.Main.Add(living.State.Scope.Counter(name));
        }
    }

    // Few assignments ever grow stale: their counters are made with the first that says when.
    private void Count(string name)
    {
        _scope ??= _context.Stats.Scope("cluster." + _model.ObservabilityName);
        _context.Stats.Main.Add(_scope.Counter(name));
    }

    private void Initialized()
    {
        Action? initialized = _initialized;
        _initialized = null;
        initialized?.Invoke();
    }
}
