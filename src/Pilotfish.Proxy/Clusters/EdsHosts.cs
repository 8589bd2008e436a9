using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Endpoints from EDS. A cluster whose assignment never comes starts empty; a bad one keeps the last good one.</summary>
internal sealed class EdsHosts : HostSource, IResourceConsumer
{
    private readonly ClusterMembership _membership;
    private readonly ISubscriptions _subscriptions;
    private readonly LoopTimer _stale;
    private IDisposable? _subscription;
    private Action? _initialized;

    public EdsHosts(ClusterMembership membership, ISubscriptions subscriptions, Runtime.Loops.EventLoop mainLoop)
    {
        _membership = membership;
        _subscriptions = subscriptions;
        _stale = new LoopTimer(mainLoop, static state => ((EdsHosts)state!)._membership.Update([]), this);
    }

    public override void Start(Action initialized)
    {
        _initialized = initialized;
        _subscription = _subscriptions.Subscribe(
            ResourceType.Endpoints, _membership.State.Config.EdsServiceName, this, _membership.State.Config.EdsSource);
    }

    public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
    {
        AssignmentModel assignment;
        try
        {
            assignment = AssignmentCompiler.Compile(
                ClusterLoadAssignment.Parser.ParseFrom(message.Span), resolvesNames: false, field: "");
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException("", $"the assignment is not a valid ClusterLoadAssignment: {e.Message}", e);
        }

        _stale.Cancel();
        if (assignment.StaleAfterMilliseconds > 0)
        {
            _stale.Schedule(assignment.StaleAfterMilliseconds);
        }

        _membership.Update(assignment.Hosts, assignment.OverprovisioningFactor, assignment.DropPerMillion);
        Initialized();
    }

    /// <summary>Endpoints of a removed assignment go on: only an empty assignment empties a cluster (Envoy does the same).</summary>
    public void OnRemoved(string name) => Initialized();

    public void OnInitialFetchTimeout(string name) => Initialized();

    public override void Dispose()
    {
        _initialized = null;
        _stale.Cancel();
        _subscription?.Dispose();
    }

    private void Initialized()
    {
        Action? initialized = _initialized;
        _initialized = null;
        initialized?.Invoke();
    }
}
