namespace Pilotfish.Proxy.Listeners;

/// <summary>The main loop's record of one listener: what serves, what warms, and its sockets.</summary>
internal sealed class ListenerEntry(ListenerState state)
{
    public ListenerState State { get; } = state;

    public Warming? Warming { get; set; }

    public ListenerModel? WarmingModel { get; set; }

    public ListenerSockets? Sockets { get; set; }
}
