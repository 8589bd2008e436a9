namespace Pilotfish.Proxy.Http;

/// <summary>
/// One place of a filter chain: its compiled filter, fixed or following ECDS. A null model means that the config has not arrived and there
/// is no default: the chain fails closed with 500.
/// </summary>
public sealed class HttpFilterSlot(string name, bool disabled, HttpFilterModel? model)
{
    private volatile HttpFilterModel? _model = model;

    public string Name { get; } = name;

    /// <summary>disabled: off unless a route's config turns it on.</summary>
    public bool IsDisabled { get; } = disabled;

    public HttpFilterModel? Model => _model;

    internal void Set(HttpFilterModel? model) => _model = model;
}
