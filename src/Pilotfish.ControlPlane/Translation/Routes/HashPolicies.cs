using Envoy.Config.Route.V3;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Registry;
using ConsistentHash = Istio.Networking.V1Alpha3.LoadBalancerSettings.Types.ConsistentHashLB;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>What of a request decides its host, by the DestinationRule of the destination.</summary>
internal static class HashPolicies
{
    /// <summary>The consistent hash of a service port without a VirtualService.</summary>
    public static ConsistentHash? ForService(DestinationRule? rule, int port)
    {
        if (rule?.TrafficPolicy is not { } policy)
        {
            return null;
        }

        return ForPort(policy, port) ?? policy.LoadBalancer?.ConsistentHash;
    }

    /// <summary>The consistent hash of a VirtualService's destination: the subset's word counts before the rule's.</summary>
    public static ConsistentHash? ForDestination(DestinationRule? rule, Destination destination)
    {
        if (rule is null)
        {
            return null;
        }

        var port = (int?)destination.Port?.Number;
        foreach (var subset in rule.Subsets)
        {
            if (subset.Name == destination.Subset && subset.TrafficPolicy is { } own
                && (ForPort(own, port) ?? own.LoadBalancer?.ConsistentHash) is { } chosen)
            {
                return chosen;
            }
        }

        return rule.TrafficPolicy is not { } policy ? null : ForPort(policy, port) ?? policy.LoadBalancer?.ConsistentHash;
    }

    public static HashPolicy? Convert(ConsistentHash? hash) => hash?.HashKeyCase switch
    {
        ConsistentHash.HashKeyOneofCase.HttpHeaderName => new HashPolicy
        {
            Header = new HashPolicy.Types.Header { HeaderName = hash.HttpHeaderName },
        },
        ConsistentHash.HashKeyOneofCase.HttpCookie => new HashPolicy { Cookie = Cookie(hash.HttpCookie) },
        ConsistentHash.HashKeyOneofCase.UseSourceIp => new HashPolicy
        {
            ConnectionProperties = new HashPolicy.Types.ConnectionProperties { SourceIp = hash.UseSourceIp },
        },
        ConsistentHash.HashKeyOneofCase.HttpQueryParameterName => new HashPolicy
        {
            QueryParameter = new HashPolicy.Types.QueryParameter { Name = hash.HttpQueryParameterName },
        },
        _ => null,
    };

    private static ConsistentHash? ForPort(TrafficPolicy policy, int? port)
    {
        foreach (var setting in policy.PortLevelSettings)
        {
            if (port is not null && setting.Port?.Number == port)
            {
                return setting.LoadBalancer?.ConsistentHash;
            }
        }

        return null;
    }

    private static HashPolicy.Types.Cookie Cookie(ConsistentHash.Types.HTTPCookie given)
    {
        var cookie = new HashPolicy.Types.Cookie { Name = given.Name, Path = given.Path, Ttl = given.Ttl };
        foreach (var attribute in given.Attributes)
        {
            cookie.Attributes.Add(new HashPolicy.Types.CookieAttribute { Name = attribute.Name, Value = attribute.Value });
        }

        return cookie;
    }
}
