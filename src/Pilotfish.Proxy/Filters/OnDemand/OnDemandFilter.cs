using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>Holds one request until the routes of its scope are here or known not to come; then its route is chosen.</summary>
internal sealed class OnDemandFilter(ScopedRoutesSlot scopes, ScopeEntry entry) : HttpFilter
{
    private bool _ended;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        scopes.PostDemand(entry, Stream.Loop, static filter => ((OnDemandFilter)filter!).OnRoutes(), this);
        return FilterVerdict.Pause;
    }

    public override void OnEnd(StreamInfo info) => _ended = true;

    private void OnRoutes()
    {
        if (!_ended)
        {
            Stream.ClearRouteCache();
            ContinueRequest();
        }
    }
}
