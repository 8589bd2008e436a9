using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Filters.HealthChecks;

/// <summary>One health check of this proxy (answered here or by the upstream), or a request that is to tell of its failing.</summary>
internal sealed class HealthCheckFilter(HealthCheckModel model, bool isCheck) : HttpFilter
{
    public static readonly EndReason NoCluster = Fails(
        ResponseDetails.HealthCheckFailedNoCluster, "A cluster that this health check asks about does not exist.");

    public static readonly EndReason EmptyCluster = Fails(
        ResponseDetails.HealthCheckFailedClusterEmpty, "A cluster that this health check asks about has no host.");

    public static readonly EndReason UnhealthyCluster = Fails(
        ResponseDetails.HealthCheckFailedClusterUnhealthy, "Too few hosts of a cluster that this health check asks about are healthy.");

    private static readonly EndReason s_processFails = Fails(ResponseDetails.HealthCheckFailed, "This proxy was told to fail health checks.");

    private static readonly EndReason s_ok = Passes(ResponseDetails.HealthCheckOk, "This proxy passes its health check.");

    private static readonly EndReason s_clustersOk = Passes(
        ResponseDetails.HealthCheckOkClusterHealthy, "Enough hosts of the clusters that this health check asks about are healthy.");

    private static readonly EndReason s_cached = Passes(ResponseDetails.HealthCheckCached, "What the upstream answered to an earlier health check still counts.");

    private bool _answers;
    private bool _answered;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        if (!isCheck)
        {
            return FilterVerdict.Continue;
        }

        Stream.Info.IsHealthCheck = true;
        _answers = model.Answers(Stream.Loop.NowMilliseconds);
        return Verdict(end);
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        if (_answers)
        {
            // Nobody wants the body; it is not held either.
            ReplaceRequestData(default);
        }

        return Verdict(end);
    }

    public override FilterVerdict OnRequestTrailers(HeaderMap trailers) => Verdict(end: true);

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        if (!isCheck)
        {
            if (model.ProcessFails)
            {
                headers.Set(WellKnownHeader.XEnvoyImmediateHealthCheckFail, "true"u8);
            }

            return FilterVerdict.Continue;
        }

        if (!_answered && DecimalText.TryParse(headers[WellKnownHeader.Status], out int status))
        {
            model.Keep(status, headers.Has(WellKnownHeader.XEnvoyDegraded), Stream.Loop.NowMilliseconds);
        }

        headers.Set("x-envoy-upstream-healthchecked-cluster"u8, model.Service);
        return FilterVerdict.Continue;
    }

    private static EndReason Fails(string details, string sentence) =>
        new EndReason(EndCause.FilterReply, EndSide.Proxy, details, default, sentence).WithFlag(ResponseFlag.FailedLocalHealthCheck);

    private static EndReason Passes(string details, string sentence) => new(EndCause.FilterReply, EndSide.Proxy, details, default, sentence);

    // The answer waits for the request's end, as in Envoy: the connection can be used again then.
    private FilterVerdict Verdict(bool end)
    {
        if (!_answers)
        {
            return FilterVerdict.Continue;
        }

        if (end)
        {
            Answer();
        }

        return FilterVerdict.Buffer;
    }

    private void Answer()
    {
        _answered = true;
        if (model.ProcessFails)
        {
            Stream.Reply(503, [], s_processFails);
        }
        else if (model.Cached(Stream.Loop.NowMilliseconds) is { } cached)
        {
            EndReason reason = cached.Status is >= 200 and < 300 ? s_cached : s_cached.WithFlag(ResponseFlag.FailedLocalHealthCheck);
            Stream.Reply(cached.Status, [], reason, cached.Degraded ? static headers => headers.Set(WellKnownHeader.XEnvoyDegraded, ""u8) : null);
        }
        else if (model.Failure() is { } failure)
        {
            Stream.Reply(503, [], failure);
        }
        else
        {
            Stream.Reply(200, [], model.AsksClusters ? s_clustersOk : s_ok);
        }
    }
}
