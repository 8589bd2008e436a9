using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Scopes;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>The filter exists for requests whose scope's routes are not asked for yet; all others pay a look at their scope.</summary>
internal sealed class OnDemandModel : HttpFilterModel
{
    public static readonly OnDemandModel Instance = new();

    private OnDemandModel()
    {
    }

    public override HttpFilter? Create(HttpStream stream, string name) =>
        stream.Hcm.Scopes is { } scopes && scopes.FindEntry(stream.RequestHeaders) is { Current: null, Scope.IsOnDemand: true } entry
            ? new OnDemandFilter(scopes, entry)
            : null;
}
