namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// What a new listener (or cluster) waits for before it serves. Targets are added while it compiles; the last one to become
/// ready releases it. A target is bounded by its own initial_fetch_timeout, so warming ends. Main loop.
/// </summary>
public sealed class Warming
{
    private readonly HashSet<Target> _pending = [];
    private Action? _then;

    public bool IsReady => _pending.Count == 0;

    /// <summary>The names still waited for, for admin's init_dump.</summary>
    public IReadOnlyList<string> Pending
    {
        get
        {
            var names = new List<string>(_pending.Count);
            foreach (Target target in _pending)
            {
                names.Add(target.Name);
            }

            return names;
        }
    }

    public Target Add(string name)
    {
        var target = new Target(this, name);
        _pending.Add(target);
        return target;
    }

    /// <summary>Runs the action when nothing is waited for, at once if so now.</summary>
    internal void WhenReady(Action then)
    {
        if (IsReady)
        {
            then();
        }
        else
        {
            _then = then;
        }
    }

    /// <summary>Forgets the action: the listener was replaced or removed while it warmed.</summary>
    internal void Abandon() => _then = null;

    private void OnReady(Target target)
    {
        if (_pending.Remove(target) && IsReady && _then is { } then)
        {
            _then = null;
            then();
        }
    }

    /// <summary>One thing waited for.</summary>
    public sealed class Target(Warming warming, string name)
    {
        public string Name { get; } = name;

        /// <summary>It came, or its fetch timed out. Idempotent.</summary>
        public void Ready() => warming.OnReady(this);
    }
}
