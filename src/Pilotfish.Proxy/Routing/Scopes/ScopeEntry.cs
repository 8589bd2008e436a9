namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>
/// One scope in force: where its routes are. While routes of another name are on their way the ones before serve on. Set on the main loop, read
/// by workers; <see cref="Slot"/> is null for a scope whose routes nobody has needed yet.
/// </summary>
internal sealed class ScopeEntry(ScopedRoute scope)
{
    private volatile RouteConfigSlot? _slot;
    private volatile RouteConfigSlot? _before;

    public ScopedRoute Scope { get; } = scope;

    public RouteConfigSlot? Slot
    {
        get => _slot;
        set => _slot = value;
    }

    /// <summary>What served this key until the new routes came; null afterwards.</summary>
    public RouteConfigSlot? Before
    {
        get => _before;
        set => _before = value;
    }

    public RouteConfigModel? Current => _slot?.Current ?? _before?.Current;
}
