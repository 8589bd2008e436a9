using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <content>Redirects of an upstream that the proxy follows itself.</content>
public sealed partial class RouterFilter
{
    /// <summary>True when the request has begun anew with the redirect's target; this attempt and its filters are over then.</summary>
    private bool FollowRedirect(UpstreamAttempt attempt, InternalRedirectModel policy, int status)
    {
        if (!InternalRedirects.TryApply(Stream, policy, status, requestIsWhole: _requestEnded && _body.IsComplete, out bool dropsBody))
        {
            Cells.Add(_http.InternalRedirectFailed);
            return false;
        }

        BodyBuffer body = _body.Take();
        HeaderMap? trailers = dropsBody ? null : _trailers;
        if (dropsBody)
        {
            body.Release();
        }

        // A redirect's body is of no use to anybody; a connection in the middle of one cannot be used again.
        attempt.Abandon();
        Cells.Add(_http.InternalRedirectSucceeded);
        Stream.Recreate(status, body, trailers);
        return true;
    }
}
