using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Applies response header mutations of every level.</summary>
internal static class ResponseRewrite
{
    /// <summary>Makes the upstream's head the client's.</summary>
    public static void Finish(HttpStream stream, ForwardModel forward, RouterModel model, string? setCookie)
    {
        HeaderMap headers = stream.ResponseHeaders;
        Apply(stream);
        if (!model.SuppressesEnvoyHeaders && stream.IsRequestComplete)
        {
            long elapsed = (stream.Info.Times.UpstreamReceiveBegin - stream.Info.Times.DownstreamReceiveEnd) / 1_000_000;
            headers.SetNumber(WellKnownHeader.XEnvoyUpstreamServiceTime, elapsed);
        }

        if (forward.IncludeAttemptCountInResponse)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyAttemptCount, stream.Info.Upstream.AttemptCount);
        }

        if (setCookie is not null)
        {
            headers.Add(WellKnownHeader.SetCookie, Encoding.ASCII.GetBytes(setCookie));
        }
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
        if (mutations is { IsEmpty: false })
        {
            mutations.Apply(stream.ResponseHeaders, stream.Info, stream.Worker.Scratch);
        }
    }
}
