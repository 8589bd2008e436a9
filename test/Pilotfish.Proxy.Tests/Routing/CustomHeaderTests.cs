using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>request_headers_to_add, response_headers_to_add and the removals of every level, by Envoy's header_parser.cc.</summary>
public sealed class CustomHeaderTests
{
    private const string Add = "APPEND_IF_EXISTS_OR_ADD";
    private const string IfAbsent = "ADD_IF_ABSENT";
    private const string Overwrite = "OVERWRITE_IF_EXISTS_OR_ADD";
    private const string IfExists = "OVERWRITE_IF_EXISTS";

    /// <summary>A label, what the client sends, the route's additions (name, value, action, keep_empty_value) and removals, and the x-a headers that arrive.</summary>
    public static TheoryData<string, string, string, string, string> Actions { get; } = new()
    {
        { "append: absent", "", Option("x-a", "new", Add), "", "new" },
        { "append: present", "x-a: 1\r\n", Option("x-a", "new", Add), "", "1|new" },
        { "append is the default", "x-a: 1\r\n", """{"header": {"key": "x-a", "value": "new"}}""", "", "1|new" },
        { "add if absent: absent", "", Option("x-a", "new", IfAbsent), "", "new" },
        { "add if absent: present", "x-a: 1\r\n", Option("x-a", "new", IfAbsent), "", "1" },
        { "overwrite or add: absent", "", Option("x-a", "new", Overwrite), "", "new" },
        { "overwrite or add: present twice", "x-a: 1\r\nx-a: 2\r\n", Option("x-a", "new", Overwrite), "", "new" },
        { "overwrite: absent", "", Option("x-a", "new", IfExists), "", "" },
        { "overwrite: present twice", "x-a: 1\r\nx-a: 2\r\n", Option("x-a", "new", IfExists), "", "new" },
        { "names in any case", "X-A: 1\r\n", Option("X-a", "new", Overwrite), "", "new" },
        { "raw_value", "", """{"header": {"key": "x-a", "raw_value": "bmV3"}}""", "", "new" },
        { "two percent signs", "", Option("x-a", "100%%", Add), "", "100%" },
        { "append: false overwrites", "x-a: 1\r\n", """{"header": {"key": "x-a", "value": "new"}, "append": false}""", "", "new" },
        { "append: true adds", "x-a: 1\r\n", """{"header": {"key": "x-a", "value": "new"}, "append": true}""", "", "1|new" },
        { "removal before addition", "x-a: 1\r\n", Option("x-a", "new", Add), "x-a", "new" },
        { "removal before overwrite of what exists", "x-a: 1\r\n", Option("x-a", "new", IfExists), "x-a", "" },
        { "removal of all of a name", "x-a: 1\r\nx-a: 2\r\n", "", "X-A", "" },

        // Values are made and conditions are asked before anything is changed; then come the overwrites, then the additions.
        { "a value is of what came", "x-a: 1\r\n", Option("x-a", "new", Overwrite) + Option("x-a", "%REQ(x-a)%-old", Add), "", "new|1-old" },
        { "overwrites come first", "x-a: 1\r\n", Option("x-a", "added", Add) + Option("x-a", "over", Overwrite), "", "over|added" },
        { "absence is of what came", "", Option("x-a", "one", IfAbsent) + Option("x-a", "two", IfAbsent), "", "one|two" },
        { "existence is of what came", "", Option("x-a", "one", Add) + Option("x-a", "two", IfExists), "", "one" },
        { "a removed header has no value", "x-a: 1\r\n", Option("x-a", "%REQ(x-a)%", Add, keep: true), "x-a", "(empty)" },

        { "empty value", "", Option("x-a", "", Add), "", "" },
        { "empty value kept", "", Option("x-a", "", Add, keep: true), "", "(empty)" },
        { "empty result", "", Option("x-a", "%REQ(x-none)%", Add), "", "" },
        { "empty result kept", "", Option("x-a", "%REQ(x-none)%", Add, keep: true), "", "(empty)" },
        { "empty result overwrites nothing", "x-a: 1\r\n", Option("x-a", "%REQ(x-none)%", Overwrite), "", "1" },
        { "empty result kept overwrites", "x-a: 1\r\n", Option("x-a", "%REQ(x-none)%", Overwrite, keep: true), "", "(empty)" },
        { "missing value in a text", "", Option("x-a", "<%REQ(x-none)%>", Add), "", "<>" },

        // A value never ends its line, whatever metadata it is made of.
        { "line end in metadata", "", Option("x-a", "%METADATA(ROUTE:ns:hostile)%", Add), "", "a  x-evil: 1" },
    };

    [Theory]
    [MemberData(nameof(Actions))]
    public void Addition_ByItsAction(string label, string sent, string additions, string removal, string expected) => LoopRunner.Run(async loop =>
    {
        Assert.NotEmpty(label);
        Route ofRoute(Route route)
        {
            route.RequestHeadersToAdd.AddRange(Options(additions));
            route.RequestHeadersToRemove.AddRange(removal.Length > 0 ? [removal] : []);
            route.Metadata = new Metadata
            {
                FilterMetadata = { ["ns"] = new Struct { Fields = { ["hostile"] = Value.ForString("a\r\nx-evil: 1") } } },
            };
            return route;
        }

        string head = await UpstreamHeadAsync(loop, sent, route => ofRoute(route));
        Assert.Equal(expected, Values(head, "x-a"));
        Assert.DoesNotContain("\r\nx-evil", head, StringComparison.Ordinal);
    });

    [Theory]
    [MemberData(nameof(Actions))]
    public void Addition_ToAResponse_ByItsAction(string label, string sent, string additions, string removal, string expected) => LoopRunner.Run(async loop =>
    {
        Assert.NotEmpty(label);
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: route =>
        {
            route.ResponseHeadersToAdd.AddRange(Options(additions.Replace("%REQ(", "%RESP(", StringComparison.Ordinal)));
            route.ResponseHeadersToRemove.AddRange(removal.Length > 0 ? [removal] : []);
            route.Metadata = new Metadata
            {
                FilterMetadata = { ["ns"] = new Struct { Fields = { ["hostile"] = Value.ForString("a\r\nx-evil: 1") } } },
            };
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\n{sent}Content-Length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Equal(expected, Values(head, "x-a"));
        Assert.DoesNotContain("\r\nx-evil", head, StringComparison.Ordinal);
    });

    /// <summary>Headers of which a message has one line: what is appended goes into that line.</summary>
    [Theory]
    [InlineData("user-agent", "curl", "curl,new")]
    [InlineData("content-type", "text/plain", "text/plain,new")]
    [InlineData("x-forwarded-for", "1.1.1.1", "1.1.1.1,new")]
    [InlineData("via", "1.1 x", "1.1 x,new")]
    [InlineData("x-other", "1", "1|new")]
    public void Append_ToAHeaderOfOneLine_JoinsIt(string name, string value, string expected) => LoopRunner.Run(async loop =>
        Assert.Equal(expected, Values(
            await UpstreamHeadAsync(loop, $"{name}: {value}\r\n", route => route.RequestHeadersToAdd.AddRange(Options(Option(name, "new", Add)))), name)));

    /// <summary>Each level appends its own name: the weighted cluster, route, virtual host and table, or with the flag the other way round behind the cluster.</summary>
    [Theory]
    [InlineData(false, "cluster|route|host|table")]
    [InlineData(true, "cluster|table|host|route")]
    public void Levels_AreEvaluatedInOrder_InBothDirections(bool mostSpecificWins, string order) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        var cluster = new WeightedCluster.Types.ClusterWeight { Name = "backend", Weight = 1 };
        var route = new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction { Timeout = new Duration(), WeightedClusters = new WeightedCluster { Clusters = { cluster } } },
        };
        var host = new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } };
        var table = new RouteConfiguration { Name = "routes", VirtualHosts = { host }, MostSpecificHeaderMutationsWins = mostSpecificWins };
        cluster.RequestHeadersToAdd.Add(One("cluster"));
        cluster.ResponseHeadersToAdd.Add(One("cluster"));
        route.RequestHeadersToAdd.Add(One("route"));
        route.ResponseHeadersToAdd.Add(One("route"));
        host.RequestHeadersToAdd.Add(One("host"));
        host.ResponseHeadersToAdd.Add(One("host"));
        table.RequestHeadersToAdd.Add(One("table"));
        table.ResponseHeadersToAdd.Add(One("table"));
        bench.Serve(table);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Equal(order, Values(await server.ReadHeadAsync(), "x-a"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(order, Values(await client.ReadHeadAsync(), "x-a"));
    });

    /// <summary>A removal of a level is of what the levels before it left, and its additions come after it.</summary>
    [Theory]
    [InlineData(false, "table")]
    [InlineData(true, "route")]
    public void Levels_RemoveWhatOthersAdded(bool mostSpecificWins, string left) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        var route = new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend" } };
        var table = new RouteConfiguration
        {
            Name = "routes",
            VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } } },
            MostSpecificHeaderMutationsWins = mostSpecificWins,
        };
        route.RequestHeadersToRemove.Add("x-a");
        route.RequestHeadersToAdd.Add(One("route"));
        table.RequestHeadersToRemove.Add("x-a");
        table.RequestHeadersToAdd.Add(One("table"));
        bench.Serve(table);
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-A: client\r\n\r\n");
        Assert.Equal(left, Values(await (await upstream.AcceptAsync()).ReadHeadAsync(), "x-a"));
    });

    public static TheoryData<string, string, string> BadOptions { get; } = new()
    {
        { "pseudo header", """{"header": {"key": ":path", "value": "v"}}""", "f[0].header.key: header ':path' may not be changed here; use a host or path rewrite" },
        { "unknown pseudo header", """{"header": {"key": ":x", "value": "v"}}""", "f[0].header.key: header ':x' may not be changed here; use a host or path rewrite" },
        { "host", """{"header": {"key": "hOst", "value": "v"}}""", "f[0].header.key: header 'hOst' may not be changed here; use a host or path rewrite" },
        { "no name", """{"header": {"value": "v"}}""", "f[0].header.key: the header has no name" },
        { "no header", "{}", "f[0].header.key: the header has no name" },
        { "name with a blank", """{"header": {"key": "x a", "value": "v"}}""", "f[0].header.key: 'x a' is no header name" },
        { "name with a line end", """{"header": {"key": "x\r\nx-evil", "value": "v"}}""", "f[0].header.key: 'x??x-evil' is no header name" },
        { "name beyond ASCII", """{"header": {"key": "xé", "value": "v"}}""", "f[0].header.key: 'x?' is no header name" },
        { "value with a line end", """{"header": {"key": "x", "value": "a\r\nx-evil: 1"}}""", "f[0].header.value: it has a line end or a NUL" },
        { "value with a NUL", """{"header": {"key": "x", "value": "a\u0000"}}""", "f[0].header.value: it has a line end or a NUL" },
        { "raw value with a line end", """{"header": {"key": "x", "raw_value": "YQo="}}""", "f[0].header.raw_value: it has a line end or a NUL" },
        { "both values", """{"header": {"key": "x", "value": "a", "raw_value": "YQ=="}}""", "f[0].header: value and raw_value are both set" },
        { "unknown operator", """{"header": {"key": "x", "value": "%NOTHING%"}}""", "f[0].header.value: " },
        { "both ways of appending", """{"header": {"key": "x", "value": "v"}, "append": true, "append_action": "ADD_IF_ABSENT"}""", "f[0].append_action: append is set, too" },
        { "unknown action", """{"header": {"key": "x", "value": "v"}, "append_action": 7}""", "f[0].append_action: 7 is not an action" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Option_ThatIsWrong_IsRefusedByField(string label, string option, string message)
    {
        Assert.NotEmpty(label);
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => HeaderMutations.Compile([.. Options(option)], [], "f", "g"));
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Option_LargerThanAHeaderMayBe_IsRefusedByField()
    {
        HeaderValueOption name = new() { Header = new HeaderValue { Key = new string('x', 16385), Value = "v" } };
        HeaderValueOption value = new() { Header = new HeaderValue { Key = "x", Value = new string('x', 16385) } };
        Assert.Equal("f[0].header.key: it has 16385 bytes; at most 16384 are allowed", Refusal([name]));
        Assert.Equal("f[0].header.value: it has 16385 bytes; at most 16384 are allowed", Refusal([value]));
        Assert.Equal("f: 1001 headers are more than 1000", Refusal([.. Enumerable.Repeat(One("v"), 1001)]));
        HeaderMutations.Compile([.. Enumerable.Repeat(One("v"), 1000)], [], "f", "g");
    }

    [Theory]
    [InlineData(":path", "g[0]: header ':path' may not be changed here; use a host or path rewrite")]
    [InlineData("HOST", "g[0]: header 'HOST' may not be changed here; use a host or path rewrite")]
    [InlineData("", "g[0]: the header has no name")]
    [InlineData("x\na", "g[0]: 'x?a' is no header name")]
    public void Removal_ThatIsWrong_IsRefusedByField(string name, string message) => Assert.Equal(
        message, Assert.Throws<ConfigRejectedException>(() => HeaderMutations.Compile([], [name], "f", "g")).Message);

    private static string Refusal(IList<HeaderValueOption> add) =>
        Assert.Throws<ConfigRejectedException>(() => HeaderMutations.Compile(add, [], "f", "g")).Message;

    private static string Option(string name, string value, string action, bool keep = false) =>
        $$"""{"header": {"key": "{{name}}", "value": "{{value}}"}, "append_action": "{{action}}", "keep_empty_value": {{(keep ? "true" : "false")}}}""" + "\n";

    private static HeaderValueOption One(string value) => new() { Header = new HeaderValue { Key = "x-a", Value = value } };

    private static IEnumerable<HeaderValueOption> Options(string lines) =>
        lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonParser.Default.Parse<HeaderValueOption>(line));

    // All headers of a name in their order.
    private static string Values(string head, string name) => string.Join('|', head.Split("\r\n")
        .Where(line => line.StartsWith(name + ": ", StringComparison.Ordinal))
        .Select(line => line.Length == name.Length + 2 ? "(empty)" : line[(name.Length + 2)..]));

    private static async Task<string> UpstreamHeadAsync(EventLoop loop, string sent, Action<Route> configure)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: configure);
        await bench.Connect().SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{sent}\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }
}
