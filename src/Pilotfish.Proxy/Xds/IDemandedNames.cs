namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Resources of one type from one place that are asked for by name when they are needed, over delta xDS. They arrive at the type's collection;
/// what the control plane says of a name is told apart from that, also that nothing is there. Main loop.
/// </summary>
public interface IDemandedNames
{
    /// <summary>
    /// Told the names and aliases that each response says a word about, after it was applied: resources, empty ones, removed ones.
    /// </summary>
    void WhenAnswered(Action<IReadOnlyList<string>> listener);

    void StopAnswering(Action<IReadOnlyList<string>> listener);

    /// <summary>Subscribes to a name. One that is subscribed to already is asked for again: the control plane answers anew.</summary>
    void Ask(string name);

    /// <summary>Unsubscribes from a name.</summary>
    void GiveUp(string name);
}
