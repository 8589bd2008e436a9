using Envoy.Config.Route.V3;
using Envoy.Extensions.Matching.CommonInputs.Network.V3;
using Envoy.Extensions.Matching.InputMatchers.ConsistentHashing.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Matching.MatchMessages;
using Matcher = global::Xds.Type.Matcher.V3.Matcher;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>VirtualHost.matcher: which route a request has.</summary>
public sealed class RouteTreeTests
{
    public static TheoryData<string, Matcher, string, int> Trees => new()
    {
        { "exact", Map(Header("x-user"), false, null, ("a", Act(Direct("/", 201))), ("b", Act(Direct("/", 202)))), "x-user: b", 202 },
        { "longest prefix", Map(Header(":path"), true, null, ("/", Act(Direct("/", 201))), ("/p", Act(Direct("/", 202)))), "x: 1", 202 },
        { "several values are one", Map(Header("X-User"), false, null, ("a,b", Act(Direct("/", 203)))), "x-user: a\r\nx-user: b", 203 },
        { "host", Map(Header("host"), false, null, ("h", Act(Direct("/", 203)))), "x: 1", 203 },
        { "nothing", Map(Header("x-user"), false, null, ("a", Act(Direct("/", 201)))), "x-user: c", 404 },
        { "absent", Map(Header("x-user"), false, null, ("", Act(Direct("/", 201)))), "x: 1", 404 },
        { "on_no_match", Map(Header("x-user"), false, Act(Direct("/", 209)), ("a", Act(Direct("/", 201)))), "x-user: c", 209 },
        { "the route's own match counts", Map(Header("x-user"), false, Act(Direct("/", 209)), ("a", Act(Direct("/other", 201)))), "x-user: a", 404 },
        { "list of routes", Map(Header("x-user"), false, null, ("a", Act(new RouteList { Routes = { Direct("/other", 201), Direct("/p", 202), Direct("/", 203) } }))),
            "x-user: a", 202 },
        { "keep_matching", List(Act(Direct("/", 209)), (Is(Header("x-user"), "a"), Act(Direct("/", 201), keepMatching: true)), (Is(Header("x-k"), "1"), Act(Direct("/", 202)))),
            "x-user: a\r\nx-k: 1", 202 },
        { "keep_matching to the end", List(Act(Direct("/", 209)), (Is(Header("x-user"), "a"), Act(Direct("/", 201), keepMatching: true))), "x-user: a", 209 },
        { "filter state", Map(new FilterStateInput { Key = "k" }, false, null, ("v", Act(Direct("/", 207)))), "x: 1", 207 },
        { "all of a hash", List(null, (Is(Header("x-user"), new ConsistentHashing { Modulo = 10 }), Act(Direct("/", 208)))), "x-user: a", 208 },
        { "none of a hash", List(null, (Is(Header("x-user"), new ConsistentHashing { Modulo = 10, Threshold = 10 }), Act(Direct("/", 208)))), "x-user: a", 404 },
    };

    [Theory]
    [MemberData(nameof(Trees))]
    public void Request_FindsItsRoute(string label, Matcher matcher, string header, int status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop) { OnConnection = static info => info.EnsureFilterState().Set("k", new FilterStateText("v")) };
        bench.Serve(Routes(matcher));
        TestClient client = bench.Connect();
        await client.SendAsync($"GET /p HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n");
        Assert.True((await client.ReadHeadAsync()).StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), label);
        Assert.Equal(status == 404 ? "route_not_found" : "direct_response", bench.Recorded[0].Details);
    });

    public static TheoryData<string, Matcher, string> Wrong => new()
    {
        { "query", Map(new Envoy.Type.Matcher.V3.HttpRequestQueryParamMatchInput { QueryParam = "q" }, false, null, ("a", Act(Direct("/", 201)))),
            "matcher.matcher_tree.input.typed_config: input 'x' has type 'envoy.type.matcher.v3.HttpRequestQueryParamMatchInput'" },
        { "address", Map(new SourceIPInput(), false, null, ("a", Act(Direct("/", 201)))), "has type 'envoy.extensions.matching.common_inputs.network.v3.SourceIPInput'" },
        { "action", Map(Header("x"), false, null, ("a", Act(new StringValue { Value = "r" }))), "action 'x' has type 'google.protobuf.StringValue'" },
        { "route in a list", Map(Header("x"), false, null, ("a", Act(new RouteList { Routes = { new Route() } }))), "typed_config.routes[0].match: the route has no match" },
        { "header without a name", Map(Header(""), false, null, ("a", Act(Direct("/", 201)))), "header_name: it names no header" },
        { "hash of nothing", List(null, (Is(Header("x"), new ConsistentHashing()), Act(Direct("/", 208)))), "custom_match.typed_config.modulo: it must be at least 1" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Matcher_ThatIsWrong_IsRefusedByItsField(string label, Matcher matcher, string problem) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        string message = Assert.Throws<ConfigRejectedException>(() => bench.Serve(Routes(matcher))).Message;
        Assert.True(message.Contains(problem, StringComparison.Ordinal), label + ": " + message);
        return Task.CompletedTask;
    });

    [Fact]
    public void Matcher_BesideRoutes_IsRefused() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        RouteConfiguration routes = Routes(Map(Header("x"), false, null, ("a", Act(Direct("/", 201)))));
        routes.VirtualHosts[0].Routes.Add(Direct("/", 202));
        Assert.Equal("route_config.virtual_hosts[0].matcher", Assert.Throws<ConfigRejectedException>(() => bench.Serve(routes)).Field);
        return Task.CompletedTask;
    });

    private static Route Direct(string prefix, uint status) => new()
    {
        Match = new RouteMatch { Prefix = prefix }, DirectResponse = new DirectResponseAction { Status = status },
    };

    private static RouteConfiguration Routes(Matcher matcher) => new()
    {
        Name = "r", VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Matcher = matcher } },
    };
}
