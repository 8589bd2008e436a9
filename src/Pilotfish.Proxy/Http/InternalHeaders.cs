using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <summary>Headers by which clients inside the mesh steer the proxy: taken from anybody else.</summary>
internal static class InternalHeaders
{
    private static readonly WellKnownHeader[] s_external =
    [
        WellKnownHeader.XEnvoyRetryOn, WellKnownHeader.XEnvoyRetryGrpcOn, WellKnownHeader.XEnvoyMaxRetries,
        WellKnownHeader.XEnvoyUpstreamAltStatName, WellKnownHeader.XEnvoyUpstreamRqTimeoutMs,
        WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs, WellKnownHeader.XEnvoyUpstreamRqTimeoutAltResponse,
        WellKnownHeader.XEnvoyExpectedRqTimeoutMs, WellKnownHeader.XEnvoyForceTrace, WellKnownHeader.XEnvoyIpTags,
        WellKnownHeader.XEnvoyHedgeOnPerTryTimeout, WellKnownHeader.XEnvoyRetriableStatusCodes,
        WellKnownHeader.XEnvoyRetriableHeaderNames,
    ];

    private static readonly WellKnownHeader[] s_edge =
    [
        WellKnownHeader.XEnvoyDecoratorOperation, WellKnownHeader.XEnvoyDownstreamServiceCluster,
        WellKnownHeader.XEnvoyDownstreamServiceNode, WellKnownHeader.XEnvoyOriginalPath, WellKnownHeader.XEnvoyOriginalHost,
    ];

    public static void Strip(HeaderMap headers, bool isEdge, RouteConfigModel? routes)
    {
        foreach (WellKnownHeader header in s_external)
        {
            headers.Remove(header);
        }

        if (isEdge)
        {
            foreach (WellKnownHeader header in s_edge)
            {
                headers.Remove(header);
            }
        }

        if (routes is not null)
        {
            foreach (byte[] name in routes.InternalOnlyHeaders)
            {
                headers.Remove(name);
            }
        }
    }
}
