using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Router;

/// <content>What comes back: a response that is passed on, tried again, followed as a redirect, or left for another attempt's.</content>
public sealed partial class RouterFilter
{
    // Clients take a few (RFC 8297 has one 103 for each step of a page); heads have no flow control that would hold more of them back.
    private const int InformationalMax = 100;

    internal void OnInformational(UpstreamAttempt attempt, int status)
    {
        Charge(status, attempt);
        if (status == 100 && !Stream.Hcm.Proxy100Continue)
        {
            // The client that asked for it was answered here.
            ResponseHeaders.Clear();
            return;
        }

        if (++_informational > InformationalMax)
        {
            Abandon(attempt);
            OnReset(attempt, StreamResetReason.ProtocolError, null);
            return;
        }

        // From here on the client has something of this attempt's answer: no other can take its place.
        _informed = true;
        KeepOnly(attempt);
        _retry.ReleasePermit(_breaker);
        Stream.SendInformationalDown(ResponseHeaders, status);
        ResponseHeaders.Clear();
    }

    internal void OnHeaders(UpstreamAttempt attempt, int status, bool end)
    {
        StreamInfo info = Stream.Info;
        attempt.Host!.Monitor.OnStatus(status, Stream.Loop.NowMilliseconds);
        if (TryOther(attempt, status))
        {
            return;
        }

        info.Times.UpstreamReceiveBegin = Now;
        if (_forward.InternalRedirect is { } redirects && redirects.Follows(status) && !_informed && FollowRedirect(attempt, redirects, status))
        {
            return;
        }

        if (_isUpgrade && status is not 101 and < 400 && RefusesWebSocket(attempt, end))
        {
            end = true;
        }

        KeepOnly(attempt);
        attempt.ResponseStarted();
        _retry.ReleasePermit(_breaker);
        if (_earlyData == EarlyData.Waits)
        {
            EndWait(attempt, status);
        }

        if (_isRaw && !end)
        {
            BecomeTunnel();
        }

        _body.Release();
        _responseStarted = true;
        Charge(status, attempt);
        if (end)
        {
            ResponseComplete();
        }

        ResponseRewrite.Finish(Stream, _forward, _model, _setCookies);
        TouchTry(attempt);
        if (_downstreamBlocked)
        {
            attempt.Stream?.PauseResponse();
        }

        Stream.Response.Headers(end);
    }

    internal void OnData(UpstreamAttempt attempt, ReadOnlySpan<byte> data, bool end)
    {
        StreamInfo info = Stream.Info;
        if (info.Times.UpstreamReceiveBodyBegin == 0)
        {
            info.Times.UpstreamReceiveBodyBegin = Now;
        }

        if (end)
        {
            _responseEnded = true;
            ResponseComplete();
        }
        else
        {
            TouchTry(attempt);
        }

        Stream.Response.Data(data, end);
    }

    internal void OnTrailers(HeaderMap trailers)
    {
        _responseEnded = true;
        ResponseComplete();
        Stream.Response.Trailers(trailers);
    }

    internal void OnSendBlocked(bool blocked)
    {
        if (blocked)
        {
            PauseSource();
        }
        else
        {
            ResumeSource();
        }
    }

    /// <summary>True when this response is not the client's: the request is tried again, or another attempt may do better.</summary>
    private bool TryOther(UpstreamAttempt attempt, int status)
    {
        if (!_retry.IsActive)
        {
            return false;
        }

        bool wanted = _retry.Wants(status, ResponseHeaders);
        bool refused;
        if (attempt.IsHedged)
        {
            refused = wanted;
        }
        else if (TryTakeRetry(attempt, wanted, out refused))
        {
            _http.Responses.CountRetried(Cells, status, HidesStatus);
            _retry.NoteRateLimit(ResponseHeaders, Stream.Loop.WallNow);
            GiveWay(attempt);
            ScheduleRetry(afterTimeout: false);
            return true;
        }
        else if (!wanted && _retry.HoldsPermit)
        {
            Cells.Add(_http.RqRetrySuccess);
            _named.RetrySucceeded(Cells);
        }

        if (!refused || !IsAnotherAwaitedBeside(attempt))
        {
            return false;
        }

        GiveWay(attempt);
        ResponseHeaders.Clear();
        return true;
    }

    private void GiveWay(UpstreamAttempt attempt)
    {
        _others?.Remove(attempt);
        Abandon(attempt);
    }

    private bool IsAnotherAwaitedBeside(UpstreamAttempt attempt)
    {
        int others = (_others?.Count ?? 0) - (attempt == _attempt ? 0 : 1);
        return _retryPending || others > 0 || (attempt != _attempt && _attempt is { IsInFlight: true });
    }

    // A response that neither switches protocols nor is an error must not carry bytes of a client that believes in a tunnel: the client
    // gets its head and nothing else.
    private bool RefusesWebSocket(UpstreamAttempt attempt, bool end)
    {
        if (!string.Equals(Stream.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        if (!end)
        {
            Abandon(attempt);
        }

        Stream.Info.End(EndReasons.WebSocketHandshake.About(_cluster!.Name));
        ResponseHeaders.Remove(WellKnownHeader.ContentLength);
        ResponseHeaders.Remove(WellKnownHeader.TransferEncoding);
        return true;
    }

    private void ResponseComplete()
    {
        StreamInfo info = Stream.Info;
        info.Times.UpstreamReceiveEnd = Now;
        _timers?.Stop();
        if (_requestEnded)
        {
            long milliseconds = (info.Times.UpstreamReceiveEnd - info.Times.DownstreamReceiveEnd) / 1_000_000;
            if (_model.KeepsResponseStats && !info.IsHealthCheck)
            {
                ResponseOrigin origin = OriginOf(_attempt);
                _http.Responses.Took(Cells, milliseconds, in origin);
                _named.Took(Cells, milliseconds);
            }

            _http.Tracked?.Responded(Cells, milliseconds, _timeouts.GlobalMilliseconds);
        }
    }
}
