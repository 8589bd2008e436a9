using Envoy.Config.Route.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>What happens to requests for hosts that nobody declared.</summary>
internal static class CatchAllVirtualHosts
{
    private const string AllowAny = "allow_any";
    private const string BlockAll = "block_all";
    private const uint BadGateway = 502;

    public static VirtualHost Build(PushContext push, ProxyView proxy)
    {
        var headers = ProxyHeaders.Of(push, proxy, TrafficClass.Outbound);
        return OutboundPolicy.AllowsAny(push)
            ? Host(AllowAny, headers.AttemptCount, new Route
            {
                Name = AllowAny,
                Match = RouteMatches.Any(),
                Route_ = new RouteAction
                {
                    Cluster = ClusterNames.Passthrough,
                    Timeout = Messages.Zero,
                    MaxGrpcTimeout = Messages.Zero,
                    AppendXForwardedHost = headers.ForwardedHost,
                },
            })
            : Host(BlockAll, headers.AttemptCount, new Route
            {
                Name = BlockAll,
                Match = RouteMatches.Any(),
                DirectResponse = new DirectResponseAction { Status = BadGateway },
            });
    }

    private static VirtualHost Host(string name, bool attemptCount, Route route) => new()
    {
        Name = name,
        Domains = { "*" },
        Routes = { route },
        IncludeRequestAttemptCount = attemptCount,
    };
}
