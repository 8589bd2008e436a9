using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <content>
/// What the proxy answers itself, and 1xx responses. A local reply takes one of three ways, as in Envoy: (1) nothing was sent yet: a whole
/// response through the filters; (2) only 1xx was passed on, or a response's head is with the filters: straight to the codec, as filters
/// must not see two responses; (3) a head was sent: a reset.
/// </content>
public sealed partial class HttpStream
{
    /// <summary>Whether the proxy's own answer must not be shown to filters.</summary>
    internal bool RepliesPastFilters { get; private set; }

    /// <summary>
    /// Answers the request here. Before response headers went out this is a whole response through the filters; afterwards it can only be a
    /// reset. The reason is the request's end.
    /// </summary>
    public void Reply(int status, ReadOnlySpan<byte> body, EndReason reason, Action<HeaderMap>? addHeaders = null, int? grpcStatus = null)
    {
        if (IsEnded)
        {
            return;
        }

        Info.End(reason);
        if (IsResponseStarted)
        {
            Worker.Stats.Add(Hcm.Stats.RqTxReset);
            End(reason, complete: false);
            return;
        }

        IsReplyLocal = true;
        RepliesPastFilters = _informed || Response.IsBegun;
        if (RepliesPastFilters)
        {
            Response.Reset();
        }
        else if (!_chainBuilt)
        {
            // Filters that work on responses (headers for browsers, logs of their own) see what is refused before routing, too.
            BuildChain(_filters.Count == 0 ? 0 : _chainHeldAt);
        }

        LocalReply.Send(this, status, body, addHeaders, grpcStatus);
    }

    /// <summary>The overload manager's refusals cost no filter chain.</summary>
    internal void RefuseChain() => _chainBuilt = true;

    /// <summary>A 100 that the proxy makes itself, past the filters.</summary>
    internal void SendContinue()
    {
        CountResponse(100);
        ResponseHeaders.Clear();
        Codec.SendInformational(ResponseHeaders, 100);
        ResponseHeaders.Clear();
    }

    /// <summary>A 1xx response other than 101, straight through.</summary>
    internal void SendInformationalDown(HeaderMap headers, int status)
    {
        _informed = true;
        _timers.Touch();
        for (int i = _filters.Count - 1; i >= 0; i--)
        {
            _filters[i].OnInformational(headers, status);
        }

        ResponseRules.ApplyToInformational(this, headers);
        CountResponse(status);
        Info.ResponseCode = status;
        Codec.SendInformational(headers, status);
    }

    internal void PayloadTooLarge(EndReason reason)
    {
        bool request = reason == EndReasons.RequestPayloadTooLarge;
        Worker.Stats.Add(request ? Hcm.Stats.RqTooLarge : Hcm.Stats.ResponseTooLarge);
        Reply(request ? 413 : 500, request ? "Payload Too Large"u8 : "Internal Server Error"u8, reason);
    }

    // Requests that end without a response are not counted, interim responses are, as in Envoy.
    private void CountResponse(int status)
    {
        Stats.StatCells cells = Worker.Stats;
        HcmStats stats = Hcm.Stats;
        cells.Add(stats.RqCompleted);
        int statusClass = status / 100;
        if (statusClass is >= 1 and <= 5)
        {
            cells.Add(stats.RqClasses[statusClass - 1]);
        }
    }
}
