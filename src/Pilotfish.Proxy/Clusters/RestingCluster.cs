using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// A cluster that serves but that nobody has used yet: its model and the bytes of its assignment. The first look through its reference makes
/// the state with hosts, breakers and statistics; a mesh pushes thousands of clusters and a sidecar talks to a few.
/// <para>
/// A worker wakes it, on its own thread, because a request's filters ask the cluster's state in the middle of their work and cannot wait for the main
/// loop. All that follows from the state (membership, outlier detection) stays the main loop's, which adopts it in its next turn or with
/// the next assignment, whichever is first. <see cref="Wake"/> and the bytes are guarded by the lock of the references' table: the main loop
/// holds it for a store, a waking worker for the making of one cluster, once in the cluster's life.
/// </para>
/// </summary>
internal sealed class RestingCluster : IHostSink
{
    private readonly ClusterStateFactory _states;
    private readonly Lock _gate;

    // Guarded by the gate.
    private byte[] _message = [];
    private ClusterState? _state;

    // Main loop only.
    private ClusterMembership? _membership;

    public RestingCluster(ClusterModel model, ClusterStateFactory states, Lock gate)
    {
        Model = model;
        _states = states;
        _gate = gate;
    }

    public ClusterModel Model { get; }

    /// <summary>Whether a cluster may rest: nothing of it happens by itself, and its statistics show nothing.</summary>
    public static bool Suits(ClusterModel model, Stats.StatsStore stats) =>
        model.Discovery == DiscoveryKind.Eds
        && model.HealthCheck is null
        // The age of each host counts, and bytes have none.
        && model.LoadBalancing.SlowStart is null
        && !model.TracksEndpoints
        && !model.ShowsStatistic(stats, "membership_total");

    /// <summary>Main loop.</summary>
    public void Update(AssignmentModel assignment, ClusterLoadAssignment? message)
    {
        lock (_gate)
        {
            if (_state is null)
            {
                _message = Keep(message);
                return;
            }
        }

        Adopt()!.Update(assignment, message);
    }

    /// <summary>Any thread, with the gate held: the state, made now unless it was made before.</summary>
    public ClusterState WakeUnsynchronized()
    {
        if (_state is null)
        {
            AssignmentModel assignment = Assignment();
            ClusterState state = _states.Create(Model);
            state.Publish(_states.Build(Model, assignment));
            _message = [];
            _state = state;
            _states.MainLoop.Post(static resting => ((RestingCluster)resting!).Adopt(), this);
        }

        return _state;
    }

    public ClusterMembership? Living => Adopt();

    /// <summary>Main loop: the membership of a cluster that was woken; null while it rests.</summary>
    public ClusterMembership? Adopt()
    {
        ClusterState? state;
        lock (_gate)
        {
            state = _state;
        }

        if (_membership is null && state is { IsRemoved: false })
        {
            _membership = _states.Membership(state);
            _membership.Adopt(state.Hosts);
        }

        return _membership;
    }

    /// <summary>Main loop: the state for a report. While the cluster rests this is one that nobody uses, so that looking wakes nothing.</summary>
    public ClusterState Describe()
    {
        lock (_gate)
        {
            return _state ?? _states.Describe(Model, Assignment());
        }
    }

    /// <summary>Main loop, after the reference was taken away: the state that was made, or null; none is made from now on.</summary>
    public ClusterState? Retire()
    {
        Adopt()?.Close();
        lock (_gate)
        {
            _message = [];
            return _state;
        }
    }

    // It was read before it was kept, so it cannot fail.
    private AssignmentModel Assignment() =>
        AssignmentCompiler.Compile(ClusterLoadAssignment.Parser.ParseFrom(_message), resolvesNames: false, field: "");

    private static byte[] Keep(ClusterLoadAssignment? message)
    {
        if (message is null)
        {
            return [];
        }

        // The cluster knows its name.
        message.ClusterName = "";
        return message.ToByteArray();
    }
}
