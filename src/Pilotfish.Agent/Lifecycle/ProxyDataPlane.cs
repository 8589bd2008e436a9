using System.Buffers;
using System.Text;
using Istio.Mesh.V1Alpha1;
using Istio.Networking.Nds.V1;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Proxy.Admin;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Agent.Lifecycle;

/// <summary>The real data plane, in this process.</summary>
internal sealed class ProxyDataPlane : IDataPlane
{
    private readonly ProxyApp _app;
    private readonly HashSet<string> _ownListeners;
    private readonly Counter _clusterUpdates;
    private readonly Counter _clusterRejections;
    private readonly Counter _listenerUpdates;
    private readonly Counter _listenerRejections;
    private bool _hadConfig;

    private ProxyDataPlane(ProxyApp app, HashSet<string> ownListeners)
    {
        _app = app;
        _ownListeners = ownListeners;
        StatScope clusters = app.Stats.Scope("cluster_manager.cds");
        StatScope listeners = app.Stats.Scope("listener_manager.lds");
        _clusterUpdates = clusters.Counter("update_success");
        _clusterRejections = clusters.Counter("update_rejected");
        _listenerUpdates = listeners.Counter("update_success");
        _listenerRejections = listeners.Counter("update_rejected");
    }

    public string? NotReadyReason
    {
        get
        {
            // Config stays in force when the control plane leaves; it need not be counted twice.
            _hadConfig = _hadConfig || (Count(_clusterUpdates) > 0 && Count(_listenerUpdates) > 0);
            if (!_hadConfig)
            {
                return MissingConfig();
            }

            return _app.Server.ReportedPhase == ServerPhase.Live
                ? null
                : $"server is not live, current state is: {_app.Server.ReportedPhase}";
        }
    }

    public long? ActiveConnections
    {
        get
        {
            long? sum = null;
            foreach (ListenerModel listener in _app.Listeners.Active)
            {
                if (!_ownListeners.Contains(listener.Name))
                {
                    sum = (sum ?? 0) + _app.Stats.Value(listener.State.Stats.CxActive);
                }
            }

            return sum;
        }
    }

    public static ProxyDataPlane Start(DataPlaneInputs inputs)
    {
        ProxyApp app;
        try
        {
            app = ProxyApp.Build(new ProxyInputs
            {
                MainLoop = inputs.MainLoop,
                Bootstrap = inputs.Bootstrap,
                ControlPlane = inputs.ControlPlane,
                LocalSources = inputs.LocalSources,
                Options = Options(inputs),
            });
        }
        catch (BootstrapRejectedException e)
        {
            throw new AgentConfigException(string.Join(Environment.NewLine, e.Problems));
        }

        app.OnQuit = inputs.OnQuit;
        if (inputs.OnNameTable is { } onNameTable)
        {
            app.Subscriptions.SubscribeAll(ResourceType.NameTable, new AgentResource<NameTable>(NameTable.Parser, onNameTable));
        }

        if (inputs.OnProxyConfig is { } onProxyConfig)
        {
            app.Subscriptions.SubscribeAll(ResourceType.ProxyConfig, new AgentResource<ProxyConfig>(ProxyConfig.Parser, onProxyConfig));
        }

        try
        {
            app.Start();
        }
        catch (BootstrapRejectedException e)
        {
            app.Dispose();
            throw new AgentConfigException(string.Join(Environment.NewLine, e.Problems));
        }

        return new ProxyDataPlane(app, [.. inputs.Bootstrap.StaticResources.Listeners.Select(l => l.Name)]);
    }

    public void DrainInbound() => _app.Drain(new DrainRequest(InboundOnly: true, Graceful: true, SkipExit: true));

    public void WritePrometheus(IBufferWriter<byte> output, string query) =>
        Encoding.UTF8.GetBytes(_app.PrometheusText(query.Contains("usedonly", StringComparison.Ordinal)), output);

    public IDisposable Call(IControlPlane server, UnaryCallRequest request, IUnaryCallEvents events) => _app.Call(server, request, events);

    public void Dispose() => _app.Dispose();

    /// <summary>The flags with which Istio's agent starts its Envoy.</summary>
    private static ServeOptions Options(DataPlaneInputs inputs) => new()
    {
        Concurrency = inputs.Config.ProxyConfig.Concurrency is > 0 and int count ? count : null,
        DrainSeconds = (int)(inputs.Config.ProxyConfig.DrainDuration?.Seconds ?? 45),
        DrainStrategy = DrainStrategy.Immediate,
        FileFlushInterval = inputs.Config.ProxyConfig.FileFlushInterval?.ToTimeSpan() ?? TimeSpan.FromSeconds(1),
        FileFlushMinKilobytes = (int?)inputs.Config.ProxyConfig.FileFlushMinSizeKb ?? 64,
    };

    private string MissingConfig()
    {
        bool rejected = Count(_clusterRejections) > 0 || Count(_listenerRejections) > 0;
        string what = rejected
            ? "config received from XDS server, but was rejected"
            : "config not received from XDS server (is Istiod running?)";
        return $"{what}: cds updates: {Count(_clusterUpdates)} successful, {Count(_clusterRejections)} rejected; "
            + $"lds updates: {Count(_listenerUpdates)} successful, {Count(_listenerRejections)} rejected";
    }

    private long Count(Counter counter) => _app.Stats.Value(counter);
}
