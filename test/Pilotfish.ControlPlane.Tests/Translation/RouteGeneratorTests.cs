using Envoy.Config.Route.V3;
using Pilotfish.ControlPlane.Translation.Routes;

namespace Pilotfish.ControlPlane.Tests.Translation;

public sealed class RouteGeneratorTests
{
    [Fact]
    public void Port_HasOneHostPerServiceAndTheCatchAll()
    {
        var routes = Generate(Manifests.Bookinfo, "9080");
        Assert.Equal(
            ["ratings.default.svc.cluster.local:9080", "reviews.default.svc.cluster.local:9080", "allow_any"],
            routes.VirtualHosts.Select(static h => h.Name));
        Assert.Equal(
            ["reviews.default.svc.cluster.local", "reviews.default.svc.cluster.local.", "reviews", "reviews.default.svc", "reviews.default", "10.96.0.10"],
            routes.VirtualHosts[1].Domains);
        Assert.True(routes.IgnorePortInHostMatching);
        Assert.Equal(false, routes.ValidateClusters);
        var route = Assert.Single(routes.VirtualHosts[1].Routes);
        Assert.Equal("default", route.Name);
        Assert.Equal("outbound|9080||reviews.default.svc.cluster.local", route.Route_.Cluster);
        Assert.Equal("reviews.default.svc.cluster.local:9080/*", route.Decorator.Operation);
        Assert.Equal(2u, route.Route_.RetryPolicy.NumRetries);
        Assert.Equal("envoy.retry_host_predicates.previous_hosts", route.Route_.RetryPolicy.RetryHostPredicate[0].Name);
        Assert.True(routes.VirtualHosts[1].IncludeRequestAttemptCount);
    }

    [Fact]
    public void ServiceOfAnotherNamespace_IsReachedByNamesThatCarryIt()
    {
        var host = Generate(Manifests.Bookinfo, "7000").VirtualHosts[0];
        Assert.Equal(
            ["auto.other.svc.cluster.local", "auto.other.svc.cluster.local.", "auto.other", "auto.other.svc", "10.96.0.13"], host.Domains);
    }

    [Fact]
    public void SniffedService_AnswersToAnyHost()
    {
        var routes = Generate(Manifests.Bookinfo, "auto.other.svc.cluster.local:7000");
        Assert.Equal(["*"], Assert.Single(routes.VirtualHosts).Domains);
    }

    [Fact]
    public void VirtualService_SteersItsHost()
    {
        var host = Generate(Manifests.Bookinfo + "\n---\n" + Manifests.ReviewsRule, "9080")
            .VirtualHosts.Single(static h => h.Name.StartsWith("reviews", StringComparison.Ordinal));
        Assert.Equal(2, host.Routes.Count);
        var jason = host.Routes[0];
        Assert.Equal("jason", jason.Name);
        Assert.Equal("/api", jason.Match.Prefix);
        Assert.Equal("jason", jason.Match.Headers[0].StringMatch.Exact);
        Assert.Equal("outbound|9080|v2|reviews.default.svc.cluster.local", jason.Route_.Cluster);
        Assert.Equal(2, jason.Route_.Timeout.Seconds);
        Assert.Equal(2, jason.Route_.MaxGrpcTimeout.Seconds);
        Assert.Equal(3u, jason.Route_.RetryPolicy.NumRetries);
        Assert.Equal("5xx,retriable-status-codes", jason.Route_.RetryPolicy.RetryOn);
        Assert.Equal([503u], jason.Route_.RetryPolicy.RetriableStatusCodes);
        Assert.Equal(["a", "b"], jason.RequestHeadersToAdd.Select(static h => h.Header.Key));
        Assert.Equal(["x"], jason.ResponseHeadersToRemove);
        Assert.Equal(
            "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews",
            jason.Metadata.FilterMetadata["istio"].Fields["config"].StringValue);
        Assert.Equal("reviews.default.svc.cluster.local:9080/api*", jason.Decorator.Operation);
        var split = host.Routes[1].Route_.WeightedClusters.Clusters;
        Assert.Equal([75u, 25u], split.Select(static c => c.Weight));
        Assert.Equal("reviews:9080/*", host.Routes[1].Decorator.Operation);
    }

    [Fact]
    public void ClaimsOfTheToken_AreMatchedInTheMetadataOfTheJwtFilter()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: claims}
            spec:
              hosts: [ratings]
              http:
              - match:
                - headers: {"@request.auth.claims.group.id": {exact: a}, "@Request.Auth.Claims[x.y][z]": {prefix: b}, "@request.auth.claimsX": {exact: c}}
                  withoutHeaders: {"@request.auth.claims.sub": {regex: "*"}}
                route: [{destination: {host: ratings}}]
            """;

        var match = Generate(Manifests.Bookinfo + "\n---\n" + Rule, "9080").VirtualHosts[0].Routes[0].Match;

        Assert.Equal("@request.auth.claimsX", Assert.Single(match.Headers).Name);
        Assert.All(match.DynamicMetadata, static m => Assert.Equal("envoy.filters.http.jwt_authn", m.Filter));
        Assert.Equal(
            ["payload/x.y/z", "payload/group/id", "!payload/sub"],
            match.DynamicMetadata.Select(static m => (m.Invert ? "!" : "") + string.Join('/', m.Path.Select(static p => p.Key))));
        var either = match.DynamicMetadata[1].Value.OrMatch.ValueMatchers;
        Assert.Equal("a", either[0].ListMatch.OneOf.StringMatch.Exact);
        Assert.Equal("a", either[1].StringMatch.Exact);
        Assert.True(match.DynamicMetadata[2].Value.PresentMatch);
    }

    [Fact]
    public void RedirectDirectResponseRewriteFaultAndCors_AreTranslated()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: all}
            spec:
              hosts: [ratings]
              http:
              - match: [{uri: {exact: /r}}]
                redirect: {uri: /x, authority: h, redirectCode: 302}
              - match: [{uri: {regex: "/d.*"}}]
                directResponse: {status: 418, body: {string: tea}}
              - match: [{uri: {prefix: /w}, queryParams: {q: {exact: "1"}}, withoutHeaders: {n: {}}}]
                rewrite: {uri: /v, authority: other}
                fault: {delay: {fixedDelay: 1s, percentage: {value: 50}}, abort: {httpStatus: 500, percentage: {value: 0.1}}}
                corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [GET, PUT], maxAge: 5s}
                mirror: {host: reviews}
                route: [{destination: {host: ratings}}]
            """;
        var routes = Generate(Manifests.Bookinfo + "\n---\n" + Rule, "9080").VirtualHosts[0].Routes;
        Assert.Equal(RedirectAction.Types.RedirectResponseCode.Found, routes[0].Redirect.ResponseCode);
        Assert.Equal("/x", routes[0].Redirect.PathRedirect);
        Assert.Equal(418u, routes[1].DirectResponse.Status);
        Assert.Equal("tea", routes[1].DirectResponse.Body.InlineString);
        var rewritten = routes[2];
        Assert.Equal("/v", rewritten.Route_.PrefixRewrite);
        Assert.Equal("other", rewritten.Route_.HostRewriteLiteral);
        Assert.Equal("outbound|9080||reviews.default.svc.cluster.local", rewritten.Route_.RequestMirrorPolicies[0].Cluster);
        Assert.True(rewritten.Match.Headers[0].InvertMatch);
        Assert.Equal("q", rewritten.Match.QueryParameters[0].Name);
        var fault = rewritten.TypedPerFilterConfig["envoy.filters.http.fault"].Unpack<Envoy.Extensions.Filters.Http.Fault.V3.HTTPFault>();
        Assert.Equal(500_000u, fault.Delay.Percentage.Numerator);
        Assert.Equal(1_000u, fault.Abort.Percentage.Numerator);
        var cors = rewritten.TypedPerFilterConfig["envoy.filters.http.cors"].Unpack<Envoy.Extensions.Filters.Http.Cors.V3.CorsPolicy>();
        Assert.Equal("GET,PUT", cors.AllowMethods);
        Assert.Equal("5", cors.MaxAge);
    }

    [Fact]
    public void UnknownHost_OnPort80_GetsAVirtualHostOfItsOwn()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: ext}
            spec:
              hosts: [www.example.com]
              http: [{route: [{destination: {host: reviews, port: {number: 9080}}}]}]
            """;
        var routes = Generate(Manifests.Bookinfo + "\n---\n" + Rule, "80");
        Assert.Equal(["www.example.com:80", "allow_any"], routes.VirtualHosts.Select(static h => h.Name));
    }

    [Fact]
    public void UnknownName_YieldsAnEmptyConfiguration() => Assert.Empty(Generate(Manifests.Bookinfo, "http_proxy").VirtualHosts);

    [Fact]
    public void ConsistentHash_SetsHashPolicyAndDropsPreviousHosts()
    {
        const string Rule = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: r}
            spec: {host: reviews, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: user}}}}
            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: r}
            spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}
            """;
        var action = Generate(Manifests.Bookinfo + "\n---\n" + Rule, "9080").VirtualHosts[1].Routes[0].Route_;
        Assert.Equal("user", action.HashPolicy[0].Header.HeaderName);
        Assert.Empty(action.RetryPolicy.RetryHostPredicate);
    }

    private static RouteConfiguration Generate(string manifests, string name)
    {
        var mesh = new Mesh(manifests);
        return Assert.Single(RouteGenerator.Generate(mesh.Push, mesh.Proxy, [name]));
    }
}
