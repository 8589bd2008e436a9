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

    private static readonly WellKnownHeaderSet s_anyExternal = WellKnownHeaderSet.Of(s_external);
    private static readonly WellKnownHeaderSet s_anyEdge = WellKnownHeaderSet.Of(s_edge);

    public static void Strip(HeaderMap headers, bool isEdge, RouteConfigModel? routes)
    {
        if (headers.HasAny(s_anyExternal))
        {
            RemoveAll(headers, s_external);
        }

        if (isEdge && headers.HasAny(s_anyEdge))
        {
            RemoveAll(headers, s_edge);
        }

        if (routes is not null)
        {
            foreach (byte[] name in routes.InternalOnlyHeaders)
            {
                headers.Remove(name);
            }
        }
    }

    private static void RemoveAll(HeaderMap headers, WellKnownHeader[] unwanted)
    {
        foreach (WellKnownHeader header in unwanted)
        {
            headers.Remove(header);
        }
    }
}
