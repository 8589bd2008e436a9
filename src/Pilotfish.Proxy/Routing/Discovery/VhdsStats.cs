using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>The statistics of one connection manager's virtual hosts, under <c>http.PREFIX.vhds.ROUTES.</c>. Main loop.</summary>
internal sealed class VhdsStats : IDisposable
{
    private readonly StatScope _scope;
    private readonly Counter _reloads;
    private readonly Counter _empty;

    public VhdsStats(StatScope scope)
    {
        _scope = scope;
        _reloads = scope.Counter("config_reload");
        _empty = scope.Counter("update_empty");
        Subscription = new SubscriptionStats(scope);
    }

    public SubscriptionStats Subscription { get; }

    /// <summary>Virtual hosts were added, changed or removed.</summary>
    public void Reloaded() => _scope.Store.Main.Add(_reloads);

    /// <summary>The control plane has nothing under a name that was asked for.</summary>
    public void Empty() => _scope.Store.Main.Add(_empty);

    public void Dispose() => _scope.Dispose();
}
