using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <content>How the filters of a request are made: all at once, or in two steps round one that changes the route; and how it begins anew.</content>
public sealed partial class HttpStream
{
    // Of the slot behind the filter that held the chain.
    private int _chainHeldAt;

    /// <summary>
    /// Ends the request towards filters and access log, and begins it anew with the headers of now and a body that was kept: an internal
    /// redirect. The client sees one request. Whoever calls is among the filters that ended, and returns at once.
    /// </summary>
    internal void Recreate(int status, BodyBuffer body, HeaderMap? trailers)
    {
        Info.ResponseCode = status;
        Info.ResponseHeaders = ResponseHeaders;
        LeaveChain(EndReasons.InternalRedirect);
        ResponseHeaders.Clear();
        Info.StartAnew();
        RouteConfig = null;
        _routeChosen = false;
        _chainBuilt = false;
        TransportOverrides = null;
        Worker.Stats.Add(Hcm.Stats.RqTotal);
        Worker.Stats.Increment(Hcm.Stats.RqActive);
        RequestCompleted(Loop.NowNanoseconds);
        _timers.Start();
        if (EnterChain())
        {
            Request.Headers(end: body.Length == 0 && trailers is null);
            if (body.Length > 0 && !IsEnded && !IsReplyLocal)
            {
                Request.Data(body.Span, end: trailers is null);
            }

            if (trailers is not null && !IsEnded && !IsReplyLocal)
            {
                Request.Trailers(trailers);
            }
        }

        body.Release();
    }

    /// <summary>
    /// A filter that is being made will change the route: the filters after it are made when <see cref="CompleteChain"/> asks for them, for the
    /// route of then.
    /// </summary>
    internal void HoldChain() => _chainBuilt = false;

    /// <summary>Makes the filters that were held back. False when one without config has answered in the chain's place.</summary>
    internal bool CompleteChain() => _chainBuilt || BuildChain(_chainHeldAt);

    /// <summary>Takes the routes of now, and chooses among them.</summary>
    internal RouteModel? ChooseRouteAnew()
    {
        RouteConfig = null;
        _routeChosen = false;
        return ChooseRoute();
    }

    /// <summary>Begins the request anew, as <see cref="Recreate(int, BodyBuffer, HeaderMap?)"/>, with what a filter holds of it.</summary>
    internal void Recreate()
    {
        BodyBuffer body = Request.TakeHeld(out HeaderMap? trailers);
        Recreate(0, body, trailers);
    }

    private bool EnterChain()
    {
        ChooseRoute();
        if (Hcm.LogsNewRequests)
        {
            WriteLog(AccessLogType.DownstreamStart);
        }

        return BuildChain() && UpgradeRules.Apply(this);
    }

    /// <summary>False when a filter without config answered in the chain's place.</summary>
    private bool BuildChain(int from = 0)
    {
        _chainBuilt = true;
        IReadOnlyList<HttpFilterSlot> slots = Chain();
        for (int i = from; i < slots.Count; i++)
        {
            HttpFilterSlot slot = slots[i];
            bool disabled = slot.IsDisabled;
            if (FindPerRoute(slot.Name) is { } perRoute)
            {
                disabled = perRoute.Disabled;
            }

            if (disabled)
            {
                continue;
            }

            if (slot.Model is not { } model)
            {
                if (IsReplyLocal)
                {
                    continue;
                }

                Reply(500, [], EndReasons.FilterConfigMissing.About(slot.Name));
                return false;
            }

            if (model.Create(this, slot.Name) is { } filter)
            {
                filter.Attach(this, slot.Name);
                _filters.Add(filter);
                if (!_chainBuilt)
                {
                    _chainHeldAt = i + 1;
                    return true;
                }
            }
        }

        return true;
    }

    // An upgrade may have a chain of its own; CONNECT is named as one.
    private IReadOnlyList<HttpFilterSlot> Chain()
    {
        if (Hcm.UpgradeFilters.Count == 0)
        {
            return Hcm.Filters;
        }

        string? upgrade = Upgrade ?? (RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8) ? "CONNECT" : null);
        return upgrade is not null && Hcm.UpgradeFilters.TryGetValue(upgrade, out IReadOnlyList<HttpFilterSlot>? own) ? own : Hcm.Filters;
    }
}
