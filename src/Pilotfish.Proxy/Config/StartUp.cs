using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Brings a built data plane up: static clusters, then the runtime, then clusters of the control plane with their endpoints, then listeners,
/// then sockets. Listeners are asked for only when clusters are warm, so that no request meets a route to nothing. Main loop.
/// </summary>
internal sealed class StartUp(ProxyApp app, ProxyInputs inputs)
{
    // Listeners that wait for routes are looked at this often; the wait is bounded by the routes' own fetch timeouts.
    private const long WarmPollMilliseconds = 5;

    private readonly Bootstrap.Types.DynamicResources? _dynamic = inputs.Bootstrap.DynamicResources;
    private LoopTimer? _poll;

    public void Run() => app.Clusters.WhenWarm(StartClusters);

    // Layers of the runtime that a control plane serves come before its clusters: those compile with their values.
    private void StartClusters()
    {
        app.Server.Set(ServerPhase.Initializing);
        bool known = false;
        app.Runtime.Subscribe(app.Subscriptions.Hub, () =>
        {
            known = true;
            DiscoverClusters();
        });
        if (!known)
        {
            app.Subscriptions.StartAds();
        }
    }

    private void DiscoverClusters()
    {
        if (_dynamic?.CdsConfig is not { } source)
        {
            StartListeners();
            app.Subscriptions.StartAds();
            return;
        }

        Subscribe(
            ResourceType.Cluster, app.Clusters, source, "cluster_manager.cds", () => app.Clusters.WhenWarm(StartListeners));
        app.Subscriptions.StartAds();
    }

    private void StartListeners()
    {
        Log.Info(LogComponent.Upstream, "cm init: all clusters initialized");
        if (_dynamic?.LdsConfig is not { } source)
        {
            AwaitListeners();
            return;
        }

        Subscribe(ResourceType.Listener, app.Listeners, source, "listener_manager.lds", AwaitListeners);
    }

    private void AwaitListeners()
    {
        if (!app.Listeners.IsWarm)
        {
            _poll ??= new LoopTimer(inputs.MainLoop, static state => ((StartUp)state!).AwaitListeners(), this);
            _poll.Schedule(WarmPollMilliseconds);
            return;
        }

        app.Opened(app.Listeners.StartServing());
    }

    private void Subscribe(ResourceType type, IResourceCollection collection, ConfigSource source, string scope, Action then)
    {
        SubscriptionStats stats = new(app.Stats.Scope(scope));
        FirstArrival arrival = new(inputs.MainLoop, collection, FetchTimer.Limit(source), stats.TimedOut, then);
        app.Subscriptions.TableOf(source).SubscribeAll(type, arrival, stats);
    }
}
