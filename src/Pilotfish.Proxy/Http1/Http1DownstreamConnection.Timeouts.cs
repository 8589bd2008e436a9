using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <content>What follows when one of the connection's timers fires.</content>
internal sealed partial class Http1DownstreamConnection
{
    internal void OnIdleTimeout()
    {
        _worker.Stats.Add(_hcm.Stats.CxIdleTimeout);
        _connection.Info.LocalCloseReason = LocalCloseReasons.IdleTimeout;
        DrainThenClose(DownstreamEnds.Idle);
    }

    internal void OnMaxDuration()
    {
        _worker.Stats.Add(_hcm.Stats.CxMaxDuration);
        _closing = true;
        if (IsBusy)
        {
            _request.CloseAfterResponse();
        }
        else if (!_hcm.EndsHttp1WithResponse)
        {
            DrainThenClose(DownstreamEnds.MaxDuration);
        }
    }

    // A request may be on its way: within drain_timeout it is still answered, as the last one. Who never sent a byte has nothing on its way.
    private void DrainThenClose(EndReason reason)
    {
        bool saidNothing = _requests == 0 && _in.IsEmpty && _scanner.IsAtStart;
        if (saidNothing || _state != DownstreamState.Head)
        {
            Abort(reason);
            return;
        }

        _endReason = reason;
        _closing = true;
        _timers.DrainStarted();
    }

    internal void OnDrainTime()
    {
        if (!IsBusy && _state == DownstreamState.Head)
        {
            CloseNow(orderly: true);
        }
    }

    internal void OnHeadTimeout()
    {
        if (!IsBusy && _state == DownstreamState.Head)
        {
            _worker.Stats.Add(_hcm.Stats.RqHeaderTimeout);
            HttpStream stream = StartUnread();
            _state = DownstreamState.Body;
            _request.BeginFailure();
            stream.Reply(408, "request header timeout"u8, EndReasons.RequestHeaderTimeout);
        }
    }

    internal void OnDelayedClose()
    {
        if (!_out.IsEmpty && _out.BytesSent != _timers.LingeredAt)
        {
            // Slowly, but the client takes what it is sent.
            _timers.LingerStarted(_out.BytesSent);
            return;
        }

        _worker.Stats.Add(_hcm.Stats.CxDelayedClose);
        _connection.Info.LocalCloseReason = LocalCloseReasons.DelayedClose;
        CloseNow(orderly: true);
    }
}
