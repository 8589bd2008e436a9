using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Applies response header mutations of every level.</summary>
internal static class ResponseRewrite
{
    public static void Apply(HttpStream stream)
    {
        if (stream.RouteConfig is not { } config)
        {
            return;
        }

        if (config.MostSpecificWins)
        {
            Apply(stream, config.ResponseHeaders);
            Apply(stream, stream.VirtualHost?.ResponseHeaders);
            Apply(stream, stream.Route?.ResponseHeaders);
            Apply(stream, stream.WeightedCluster?.ResponseHeaders);
            return;
        }

        Apply(stream, stream.WeightedCluster?.ResponseHeaders);
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
