using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>Statistics of one connection manager's scopes, under <c>http.PREFIX.scoped_rds.NAME.</c>. Main loop.</summary>
internal sealed class ScopedRoutesStats(StatScope scope)
{
    private readonly StatCells _cells = scope.Store.Main;
    private readonly Counter _reloads = scope.Counter("config_reload");
    private readonly Gauge _reloadTime = scope.Gauge("config_reload_time_ms");
    private readonly Gauge _all = scope.Gauge("all_scopes");
    private readonly Gauge _onDemand = scope.Gauge("on_demand_scopes");
    private readonly Gauge _active = scope.Gauge("active_scopes");

    public void Reloaded(DateTimeOffset now)
    {
        _cells.Add(_reloads);
        _cells.Set(_reloadTime, now.ToUnixTimeMilliseconds());
    }

    /// <param name="all">Scopes that are configured.</param>
    /// <param name="onDemand">Of these, the ones whose routes are asked for when they are needed.</param>
    /// <param name="active">The ones whose routes are asked for or here.</param>
    public void Count(int all, int onDemand, int active)
    {
        _cells.Set(_all, all);
        _cells.Set(_onDemand, onDemand);
        _cells.Set(_active, active);
    }
}
