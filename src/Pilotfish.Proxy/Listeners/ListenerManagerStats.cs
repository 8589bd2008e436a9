using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>`listener_manager.*`.</summary>
internal sealed class ListenerManagerStats(StatScope scope)
{
    public Counter Added { get; } = scope.Counter("listener_added");

    public Counter Modified { get; } = scope.Counter("listener_modified");

    public Counter Removed { get; } = scope.Counter("listener_removed");

    public Counter Stopped { get; } = scope.Counter("listener_stopped");

    public Counter InPlaceUpdated { get; } = scope.Counter("listener_in_place_updated");

    public Counter CreateSuccess { get; } = scope.Counter("listener_create_success");

    public Counter CreateFailure { get; } = scope.Counter("listener_create_failure");

    public Gauge Warming { get; } = scope.Gauge("total_listeners_warming");

    public Gauge Active { get; } = scope.Gauge("total_listeners_active");

    public Gauge Draining { get; } = scope.Gauge("total_listeners_draining");

    public Gauge ChainsDraining { get; } = scope.Gauge("total_filter_chains_draining");
}
