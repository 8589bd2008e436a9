using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Shared;
using ClusterWeight = Envoy.Config.Route.V3.WeightedCluster.Types.ClusterWeight;
using ConsistentHash = Istio.Networking.V1Alpha3.LoadBalancerSettings.Types.ConsistentHashLB;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>The action of a route that forwards: destinations, timeout, rewrite, mirror, retries.</summary>
internal static class RouteActions
{
    public static void Apply(PushContext push, ProxyView proxy, Route route, HTTPRoute http, string authority, int listenerPort)
    {
        var action = new RouteAction { Timeout = http.Timeout ?? Messages.Zero };
        action.MaxGrpcTimeout = action.Timeout.Clone();
        route.Route_ = action;
        if (http.Rewrite is { } rewrite)
        {
            ApplyRewrite(action, rewrite);
            action.AppendXForwardedHost = ProxyHeaders.Of(push, proxy, TrafficClass.Outbound).ForwardedHost;
            if (rewrite.Authority.Length > 0)
            {
                authority = rewrite.Authority;
            }
        }

        if (authority.Length > 0)
        {
            action.HostRewriteLiteral = authority;
        }

        AddMirrors(proxy, action, http, listenerPort);
        var hashed = ApplyDestinations(push, proxy, route, action, http, listenerPort);
        action.RetryPolicy = RetryPolicies.Outbound(http.Retries ?? push.Mesh.DefaultHttpRetryPolicy, hashed);
    }

    private static void ApplyRewrite(RouteAction action, HTTPRewrite rewrite)
    {
        if (rewrite.UriRegexRewrite is { } regex)
        {
            action.RegexRewrite = new RegexMatchAndSubstitute
            {
                Pattern = new RegexMatcher { Regex = regex.Match },
                Substitution = regex.Rewrite,
            };
        }
        else if (rewrite.Uri.Length > 0)
        {
            action.PrefixRewrite = rewrite.Uri;
        }
    }

    private static void AddMirrors(ProxyView proxy, RouteAction action, HTTPRoute http, int listenerPort)
    {
        if (http.Mirror is not null
            && RoutePolicies.MirrorShare(http.MirrorPercentage, http.MirrorPercent) is { } share)
        {
            action.RequestMirrorPolicies.Add(Mirror(proxy, http.Mirror, share, listenerPort));
        }

        foreach (var mirror in http.Mirrors)
        {
            if (mirror.Destination is not null && RoutePolicies.MirrorShare(mirror.Percentage, null) is { } part)
            {
                action.RequestMirrorPolicies.Add(Mirror(proxy, mirror.Destination, part, listenerPort));
            }
        }
    }

    private static RouteAction.Types.RequestMirrorPolicy Mirror(
        ProxyView proxy, Destination destination, Envoy.Config.Core.V3.RuntimeFractionalPercent share, int listenerPort) => new()
        {
            Cluster = Destinations.Cluster(proxy, destination, listenerPort),
            RuntimeFraction = share,
            TraceSampled = false,
            DisableShadowHostSuffixAppend = true,
        };

    /// <summary>True when the single destination is chosen by consistent hash.</summary>
    private static bool ApplyDestinations(
        PushContext push, ProxyView proxy, Route route, RouteAction action, HTTPRoute http, int listenerPort)
    {
        if (http.Route.Count == 1)
        {
            return ApplySingle(push, proxy, route, action, http.Route[0], listenerPort);
        }

        var weighted = new WeightedCluster();
        foreach (var destination in http.Route)
        {
            if (destination.Weight == 0)
            {
                continue;
            }

            weighted.Clusters.Add(Weight(proxy, destination, listenerPort));
            if (HashPolicies.Convert(Hash(push, proxy, destination)) is { } policy)
            {
                action.HashPolicy.Add(policy);
            }
        }

        action.WeightedClusters = weighted;
        return false;
    }

    private static bool ApplySingle(
        PushContext push, ProxyView proxy, Route route, RouteAction action, HTTPRouteDestination destination, int listenerPort)
    {
        action.Cluster = Destinations.Cluster(proxy, destination.Destination, listenerPort);
        var headers = HeaderOperations.Of(destination.Headers);
        route.RequestHeadersToAdd.AddRange(headers.RequestToAdd);
        route.RequestHeadersToRemove.AddRange(headers.RequestToRemove);
        route.ResponseHeadersToAdd.AddRange(headers.ResponseToAdd);
        route.ResponseHeadersToRemove.AddRange(headers.ResponseToRemove);
        if (headers.Authority.Length > 0 && action.HostRewriteSpecifierCase == RouteAction.HostRewriteSpecifierOneofCase.None)
        {
            action.HostRewriteLiteral = headers.Authority;
        }

        var hash = Hash(push, proxy, destination);
        if (HashPolicies.Convert(hash) is { } policy)
        {
            action.HashPolicy.Add(policy);
        }

        return hash is not null;
    }

    private static ClusterWeight Weight(ProxyView proxy, HTTPRouteDestination destination, int listenerPort)
    {
        var headers = HeaderOperations.Of(destination.Headers);
        var weight = new ClusterWeight
        {
            Name = Destinations.Cluster(proxy, destination.Destination, listenerPort),
            Weight = (uint)destination.Weight,
        };
        weight.RequestHeadersToAdd.AddRange(headers.RequestToAdd);
        weight.RequestHeadersToRemove.AddRange(headers.RequestToRemove);
        weight.ResponseHeadersToAdd.AddRange(headers.ResponseToAdd);
        weight.ResponseHeadersToRemove.AddRange(headers.ResponseToRemove);
        if (headers.Authority.Length > 0)
        {
            weight.HostRewriteLiteral = headers.Authority;
        }

        return weight;
    }

    private static ConsistentHash? Hash(PushContext push, ProxyView proxy, HTTPRouteDestination destination)
    {
        if (destination.Destination is not { } target)
        {
            return null;
        }

        var ns = proxy.Scope.Find(target.Host)?.Namespace ?? "";
        var rule = push.DestinationRules.Find(proxy.Node.Namespace, proxy.Labels, target.Host, ns);
        return HashPolicies.ForDestination(rule?.Spec, target);
    }
}
