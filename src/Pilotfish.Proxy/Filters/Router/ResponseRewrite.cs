using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Applies response header mutations of every level.</summary>
internal static class ResponseRewrite
{
    /// <summary>Makes the upstream's head the client's: what the router says first, so that the route's rules may read, change or remove it.</summary>
    public static void Finish(HttpStream stream, ForwardModel forward, RouterModel model, string[]? setCookies)
    {
        HeaderMap headers = stream.ResponseHeaders;
        if (forward.IncludeAttemptCountInResponse)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyAttemptCount, stream.Info.Upstream.AttemptCount);
        }

        if (!model.SuppressesEnvoyHeaders && stream.IsRequestComplete)
        {
            long elapsed = (stream.Info.Times.UpstreamReceiveBegin - stream.Info.Times.DownstreamReceiveEnd) / 1_000_000;
            headers.SetNumber(WellKnownHeader.XEnvoyUpstreamServiceTime, elapsed);
        }

        if (setCookies is not null)
        {
            foreach (string setCookie in setCookies)
            {
                headers.Add(WellKnownHeader.SetCookie, Encoding.ASCII.GetBytes(setCookie));
            }
        }

        Apply(stream);
    }

    public static void Apply(HttpStream stream)
    {
        if (stream.RouteConfig is not { } config)
        {
            return;
        }

        // The weighted cluster's come first in either order, as in Envoy (weighted_cluster_specifier.cc).
        Apply(stream, stream.WeightedCluster?.ResponseHeaders);
        if (config.MostSpecificWins)
        {
            Apply(stream, config.ResponseHeaders);
            Apply(stream, stream.VirtualHost?.ResponseHeaders);
            Apply(stream, stream.Route?.ResponseHeaders);
            return;
        }

        Apply(stream, stream.Route?.ResponseHeaders);
        Apply(stream, stream.VirtualHost?.ResponseHeaders);
        Apply(stream, config.ResponseHeaders);
    }

    private static void Apply(HttpStream stream, HeaderMutations? mutations)
    {
        if (mutations is not { IsEmpty: false })
        {
            return;
        }

        // Values may be of the response that is being made. Its end, which may still be another, is not told yet.
        HeaderMap headers = stream.ResponseHeaders;
        StreamInfo info = stream.Info;
        info.ResponseHeaders = headers;
        info.ResponseCode = ResponseRules.Status(headers);
        bool isUpstreams = info.Details is null;
        if (isUpstreams)
        {
            info.ResponseCodeDetails = ResponseDetails.ViaUpstream;
        }

        mutations.Apply(headers, info, stream.Worker.Scratch);
        if (isUpstreams)
        {
            info.ResponseCodeDetails = null;
        }
    }
}
