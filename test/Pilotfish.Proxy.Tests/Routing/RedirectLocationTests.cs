using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;
using Code = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>The Location of redirects, for each thing that a RedirectAction may change, and of routes that redirect to TLS.</summary>
public sealed class RedirectLocationTests
{
    private const string Old = "/old";

    public static TheoryData<string, RedirectAction, string, string> Locations => new()
    {
        { "nothing changes", new RedirectAction(), "GET /old/x?q=1 h", "http://h/old/x?q=1" },
        { "https", new RedirectAction { HttpsRedirect = true }, "GET /old?q h", "https://h/old?q" },
        { "https false is no change", new RedirectAction { HttpsRedirect = false }, "GET /old h", "http://h/old" },
        { "scheme", new RedirectAction { SchemeRedirect = "ftp" }, "GET /old h", "ftp://h/old" },
        { "default port goes with the scheme", new RedirectAction { HttpsRedirect = true }, "GET /old h:80", "https://h/old" },
        { "another port stays", new RedirectAction { HttpsRedirect = true }, "GET /old h:8080", "https://h:8080/old" },
        { "the other scheme's port stays", new RedirectAction { HttpsRedirect = true }, "GET /old h:443", "https://h:443/old" },
        { "default port stays with the scheme", new RedirectAction { HostRedirect = "" }, "GET /old h:80", "http://h:80/old" },
        { "from https", new RedirectAction { SchemeRedirect = "http" }, "GET /old h:443|X-Forwarded-Proto: https", "http://h/old" },
        { "host", new RedirectAction { HostRedirect = "new.example" }, "GET /old h:8080", "http://new.example/old" },
        { "host with a port of its own", new RedirectAction { HostRedirect = "new.example:1" }, "GET /old h:8080", "http://new.example:1/old" },
        { "port", new RedirectAction { PortRedirect = 8443 }, "GET /old h", "http://h:8443/old" },
        { "port in place of another", new RedirectAction { PortRedirect = 8443 }, "GET /old h:80", "http://h:8443/old" },
        { "host and port", new RedirectAction { HostRedirect = "n", PortRedirect = 1 }, "GET /old h:80", "http://n:1/old" },
        { "all of it", new RedirectAction { HttpsRedirect = true, HostRedirect = "n", PortRedirect = 1, PathRedirect = "/p" }, "GET /old?q h:80", "https://n:1/p?q" },
        { "IPv6", new RedirectAction { HttpsRedirect = true }, "GET /old [::1]", "https://[::1]/old" },
        { "IPv6 with default port", new RedirectAction { HttpsRedirect = true }, "GET /old [::1]:80", "https://[::1]/old" },
        { "IPv6 with another port", new RedirectAction { HttpsRedirect = true }, "GET /old [::1]:8080", "https://[::1]:8080/old" },
        { "IPv6 to a port", new RedirectAction { PortRedirect = 1 }, "GET /old [::1]:80", "http://[::1]:1/old" },
        { "path", new RedirectAction { PathRedirect = "/new" }, "GET /old/x?q=1 h", "http://h/new?q=1" },
        { "path with a query of its own", new RedirectAction { PathRedirect = "/new?p=2" }, "GET /old?q=1 h", "http://h/new?p=2" },
        { "its own query is not stripped", new RedirectAction { PathRedirect = "/new?p=2", StripQuery = true }, "GET /old?q=1 h", "http://h/new?p=2" },
        { "path, stripped", new RedirectAction { PathRedirect = "/new", StripQuery = true }, "GET /old?q=1 h", "http://h/new" },
        { "path without slash", new RedirectAction { PathRedirect = "new" }, "GET /old?q h", "http://h/new?q" },
        { "path beyond ASCII", new RedirectAction { PathRedirect = "/\u00fc\u20ac" }, "GET /old h", "http://h/\u00c3\u00bc\u00e2\u0082\u00ac" },
        { "empty path is none", new RedirectAction { PathRedirect = "" }, "GET /old/x?q h", "http://h/old/x?q" },
        { "prefix", new RedirectAction { PrefixRewrite = "/new" }, "GET /old/x?q=1 h", "http://h/new/x?q=1" },
        { "prefix, stripped", new RedirectAction { PrefixRewrite = "/new", StripQuery = true }, "GET /old/x?q=1 h", "http://h/new/x" },
        { "prefix with a query, stripped", new RedirectAction { PrefixRewrite = "/new?to=", StripQuery = true }, "GET /old/x?q=1 h", "http://h/new" },
        { "prefix without slash", new RedirectAction { PrefixRewrite = "new" }, "GET /old/x h", "http://h/new/x" },
        { "empty prefix is none", new RedirectAction { PrefixRewrite = "" }, "GET /old/x h", "http://h/old/x" },
        { "regex", Regex("^/old/([^/]+)/(.*)$", "/\\2/\\1"), "GET /old/a/b?q h", "http://h/b/a?q" },
        { "regex that matches nothing", Regex("^/none", "/x"), "GET /old/a?q h", "http://h/old/a?q" },
        { "regex that leaves nothing", Regex("^.*$", ""), "GET /old/a?q h", "http://h/old/a?q" },
        { "regex, stripped", Stripped(Regex("/old", "/new")), "GET /old/a?q h", "http://h/new/a" },
        { "query alone is stripped", new RedirectAction { StripQuery = true }, "GET /old?q h", "http://h/old" },
        { "octets of the path stay", new RedirectAction { HttpsRedirect = true }, "GET /old/%C3%BC?a=%20 h", "https://h/old/%C3%BC?a=%20" },
    };

    /// <summary>A label, the action, `METHOD path host` with a header behind a bar, and the Location.</summary>
    [Theory]
    [MemberData(nameof(Locations))]
    public void Location_IsWhatTheActionChanges(string label, RedirectAction action, string request, string location) => LoopRunner.Run(async loop =>
    {
        string head = await AnswerAsync(loop, request, new Route { Match = new RouteMatch { Prefix = Old }, Redirect = action });
        Assert.True(head.Contains($"location: {location}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData("exact path", "/old/x", "http://h/new?q")]
    [InlineData("separated prefix", "/old", "http://h/new/x?q")]
    [InlineData("regex", "/o.*", "http://h/new?q")]
    public void Prefix_OfOtherKindsOfPaths_IsWhatMatched(string label, string path, string location) => LoopRunner.Run(async loop =>
    {
        RouteMatch match = label switch
        {
            "exact path" => new RouteMatch { Path = path },
            "regex" => new RouteMatch { SafeRegex = new RegexMatcher { Regex = path } },
            _ => new RouteMatch { PathSeparatedPrefix = path },
        };
        string head = await AnswerAsync(loop, "GET /old/x?q h", new Route { Match = match, Redirect = new RedirectAction { PrefixRewrite = "/new" } });
        Assert.Contains($"location: {location}\r\n", head);
    });

    [Theory]
    [InlineData(Code.MovedPermanently, "301 Moved Permanently")]
    [InlineData(Code.Found, "302 Found")]
    [InlineData(Code.SeeOther, "303 See Other")]
    [InlineData(Code.TemporaryRedirect, "307 Temporary Redirect")]
    [InlineData(Code.PermanentRedirect, "308 Permanent Redirect")]
    public void Code_IsTheActions(Code code, string status) => LoopRunner.Run(async loop =>
    {
        string head = await AnswerAsync(loop, "GET /old h", new Route
        {
            Match = new RouteMatch { Prefix = Old },
            Redirect = new RedirectAction { HttpsRedirect = true, ResponseCode = code },
        });
        Assert.StartsWith($"HTTP/1.1 {status}\r\n", head);
    });

    // Envoy tells where what is "created" or has moved is to be found: at the request's own URL.
    [Theory]
    [InlineData(201u, true)]
    [InlineData(302u, true)]
    [InlineData(200u, false)]
    [InlineData(404u, false)]
    public void DirectResponse_OfSuchAStatus_HasALocation(uint status, bool has) => LoopRunner.Run(async loop =>
    {
        string head = await AnswerAsync(loop, "GET /old?q h", new Route
        {
            Match = new RouteMatch { Prefix = Old },
            DirectResponse = new DirectResponseAction { Status = status },
        });
        Assert.Equal(has, head.Contains("location: http://h/old?q\r\n", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("all", VirtualHost.Types.TlsRequirementType.All, "10.1.1.1", null, "301")]
    [InlineData("all, over TLS", VirtualHost.Types.TlsRequirementType.All, "10.1.1.1", "https", "200")]
    [InlineData("external only, internal", VirtualHost.Types.TlsRequirementType.ExternalOnly, "10.1.1.1", null, "200")]
    [InlineData("external only, external", VirtualHost.Types.TlsRequirementType.ExternalOnly, "8.8.8.8", null, "301")]
    [InlineData("none", VirtualHost.Types.TlsRequirementType.None, "8.8.8.8", null, "200")]
    public void RequireTls_RedirectsPlaintext(
        string label, VirtualHost.Types.TlsRequirementType required, string client, string? proto, string status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(
            new RouteConfiguration
            {
                VirtualHosts =
                {
                    new VirtualHost
                    {
                        Name = "all",
                        Domains = { "*" },
                        RequireTls = required,
                        Routes = { new Route { Match = new RouteMatch { Prefix = Old }, DirectResponse = new DirectResponseAction { Status = 200 } } },
                    },
                },
            },
            static hcm => hcm.InternalAddressConfig = new() { CidrRanges = { new Envoy.Config.Core.V3.CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } } });
        TestClient connection = bench.Connect();
        await connection.SendAsync($"GET /old?q HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {client}\r\n{(proto is null ? "" : $"X-Forwarded-Proto: {proto}\r\n")}\r\n");
        string head = await connection.ReadHeadAsync();
        Assert.True(head.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), label);
        Assert.Equal(status == "301", head.Contains("location: https://h/old?q\r\n", StringComparison.Ordinal));
    });

    private static RedirectAction Regex(string pattern, string substitution) => new()
    {
        RegexRewrite = new RegexMatchAndSubstitute { Pattern = new RegexMatcher { Regex = pattern }, Substitution = substitution },
    };

    private static RedirectAction Stripped(RedirectAction action)
    {
        action.StripQuery = true;
        return action;
    }

    private static async Task<string> AnswerAsync(Runtime.Loops.EventLoop loop, string request, Route route)
    {
        var bench = new ProxyBench(loop);
        bench.Serve(new RouteConfiguration { VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } } } });
        TestClient client = bench.Connect();
        string[] parts = request.Split('|')[0].Split(' ');
        string header = request.Contains('|', StringComparison.Ordinal) ? request.Split('|')[1] + "\r\n" : "";
        await client.SendAsync($"{parts[0]} {parts[1]} HTTP/1.1\r\nHost: {parts[2]}\r\n{header}\r\n");
        return await client.ReadHeadAsync();
    }
}
