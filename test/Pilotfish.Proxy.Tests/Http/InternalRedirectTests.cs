using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.InternalRedirect.AllowListedRoutes.V3;
using Envoy.Extensions.InternalRedirect.PreviousRoutes.V3;
using Envoy.Extensions.InternalRedirect.SafeCrossScheme.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class InternalRedirectTests
{
    private const string Redirect = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://other.example/new?q=1#part\r\nx-token: 7\r\n\r\n";

    [Fact]
    public void Redirect_Followed_ClientSeesTheTargetsResponse() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy { ResponseHeadersToCopy = { "X-Token" } }));
        TestClient client = bench.Connect();
        await client.SendAsync("POST /old HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadBytesAsync(4);
        await server.SendAsync(Redirect);
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("POST /new?q=1 HTTP/1.1\r\nhost: other.example\r\n", head);
        Assert.Contains("x-envoy-original-url: http://a/old\r\n", head);
        Assert.Contains("x-token: 7\r\n", head);
        Assert.Equal("body", await server.ReadBytesAsync(4));
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal("ok", await client.ReadBytesAsync(2));
        Assert.Equal(["internal_redirect", "via_upstream"], bench.Recorded.ConvertAll(static r => r.Details));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_internal_redirect_succeeded_total"));

        // The connection serves on.
        await client.SendAsync("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
    });

    [Theory]
    [InlineData(null, true)]
    [InlineData(0u, false)]
    public void OlderAction_MeansAPolicy(uint? redirectsMax, bool followed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: route =>
        {
            route.Route_.InternalRedirectAction = RouteAction.Types.InternalRedirectAction.HandleInternalRedirect;
            route.Route_.MaxInternalRedirects = redirectsMax;
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Redirect);
        if (followed)
        {
            Assert.StartsWith("GET /new?q=1 HTTP/1.1\r\n", await server.ReadHeadAsync());
            return;
        }

        Assert.StartsWith("HTTP/1.1 302 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void SeeOther_Post_BecomesAGetWithoutBody() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy { RedirectResponseCodes = { 303 } }));
        TestClient client = bench.Connect();
        await client.SendAsync("POST /old HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadBytesAsync(4);
        await server.SendAsync("HTTP/1.1 303 See Other\r\nContent-Length: 0\r\nLocation: http://a/seen\r\n\r\n");
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("GET /seen HTTP/1.1\r\n", head);
        Assert.DoesNotContain("content-length", head);
        Assert.DoesNotContain("transfer-encoding", head);
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
    });

    public static TheoryData<string, string, string, string> NotFollowed => new()
    {
        { "relative", "302", "/new", "passthrough_internal_redirect_bad_location" },
        { "other scheme", "302", "https://a/new", "passthrough_internal_redirect_unsafe_scheme" },
        { "user info", "302", "http://u@a/new", "passthrough_internal_redirect_bad_location" },
        { "no host", "302", "http:///new", "passthrough_internal_redirect_bad_location" },
        { "no such route", "302", "http://nowhere.example/new", "passthrough_internal_redirect_no_route" },
        { "empty", "302", "", "passthrough_internal_redirect_bad_location" },
        { "code not listed", "301", "http://a/new", "" },
    };

    [Theory]
    [MemberData(nameof(NotFollowed))]
    public void Redirect_NotAllowed_ReachesTheClient(string label, string code, string location, string counter) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy()));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 {code} Moved\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith($"HTTP/1.1 {code} ", StringComparison.Ordinal), label);
        Assert.Contains($"location: {location}\r\n", head);
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
        if (counter.Length > 0)
        {
            Assert.Equal(1, bench.Counter($"http.test.{counter}"));
        }
    });

    [Fact]
    public void RedirectLoop_EndsAtTheLimit() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy { MaxInternalRedirects = 2 }));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        for (int i = 0; i < 3; i++)
        {
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/old\r\n\r\n");
        }

        Assert.StartsWith("HTTP/1.1 302 ", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("http.test.passthrough_internal_redirect_too_many_redirects"));
    });

    // What leads on may be any route, one that answers itself, too.
    [Fact]
    public void Redirect_ToARouteThatAnswers_IsAnswered() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy()));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/answered\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(["internal_redirect", "direct_response"], bench.Recorded.ConvertAll(static r => r.Details));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_internal_redirect_succeeded_total"));
    });

    // Headers that are copied are the new request's from the start: they may choose its route, and with it pass or fail a predicate.
    [Theory]
    [InlineData("copied", "x-token: 7\r\n", "", true)]
    [InlineData("not there, cleared", "", "X-Token: 7\r\n", false)]
    [InlineData("not there at all", "", "", false)]
    public void CopiedHeaders_ChooseTheRoute(string label, string response, string request, bool followed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        RouteConfiguration routes = Routes(new InternalRedirectPolicy
        {
            ResponseHeadersToCopy = { "X-Token" },
            Predicates =
            {
                new TypedExtensionConfig { Name = "routes", TypedConfig = Any.Pack(new AllowListedRoutesConfig { AllowedRouteNames = { "token" } }) },
            },
        });
        routes.VirtualHosts[0].Routes.Insert(0, new Route
        {
            Name = "token",
            Match = new RouteMatch { Prefix = "/new", Headers = { new HeaderMatcher { Name = "x-token", PresentMatch = true } } },
            Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() },
        });
        bench.Serve(routes);
        TestClient client = bench.Connect();
        await client.SendAsync($"GET /old HTTP/1.1\r\nHost: a\r\n{request}\r\n");
        TestClient server = await upstream.AcceptAsync();
        string before = await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/new\r\n{response}\r\n");
        if (followed)
        {
            Assert.Contains("x-token: 7\r\n", await server.ReadHeadAsync());
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        }

        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith(followed ? "HTTP/1.1 204 " : "HTTP/1.1 302 ", StringComparison.Ordinal), $"{label}: {before}{head}");
        Assert.Equal(followed ? 0 : 1, bench.Counter("http.test.passthrough_internal_redirect_predicate"));
    });

    [Fact]
    public void Redirect_BeforeTheRequestIsWhole_ReachesTheClient() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy()));
        TestClient client = bench.Connect();
        await client.SendAsync("POST /old HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadBytesAsync(2);
        await server.SendAsync("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/plain\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 302 ", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_internal_redirect_failed_total"));
    });

    public static TheoryData<string, IMessage> Predicates => new()
    {
        { "previous_routes", new PreviousRoutesConfig() },
        { "allow_listed_routes", new AllowListedRoutesConfig { AllowedRouteNames = { "plain" } } },
    };

    [Theory]
    [MemberData(nameof(Predicates))]
    public void Predicate_Refuses_ClientSeesTheRedirect(string label, IMessage predicate) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy
        {
            MaxInternalRedirects = 5,
            Predicates =
            {
                new TypedExtensionConfig { Name = "scheme", TypedConfig = Any.Pack(new SafeCrossSchemeConfig()) },
                new TypedExtensionConfig { Name = label, TypedConfig = Any.Pack(predicate) },
            },
        }));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        for (int i = label == "previous_routes" ? 0 : 1; i < 2; i++)
        {
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a/old\r\n\r\n");
        }

        Assert.StartsWith("HTTP/1.1 302 ", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("http.test.passthrough_internal_redirect_predicate"));
    });

    /// <summary>Whether the client came over TLS, where the redirect leads, whether only safe changes of scheme are wanted, and what comes of it.</summary>
    [Theory]
    [InlineData(false, "https", false, true)]
    [InlineData(false, "https", true, false)]
    [InlineData(true, "http", true, true)]
    [InlineData(true, "https", true, true)]
    public void CrossSchemeRedirect_WhereAllowed(bool tls, string target, bool onlySafe, bool followed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        var policy = new InternalRedirectPolicy { AllowCrossSchemeRedirect = true };
        if (onlySafe)
        {
            policy.Predicates.Add(new TypedExtensionConfig { Name = "scheme", TypedConfig = Any.Pack(new SafeCrossSchemeConfig()) });
        }

        bench.Serve(Routes(policy));
        TestClient client = bench.Connect(!tls ? null : new Pilotfish.Runtime.Tls.TlsSessionFacts
        {
            Protocol = System.Security.Authentication.SslProtocols.Tls13,
            CipherSuite = "TLS_AES_128_GCM_SHA256",
            ServerName = "a",
            ApplicationProtocol = null,
            PeerCertificate = null,
            LocalCertificate = null,
            PeerCertificateValidated = false,
        });
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {target}://a/plain\r\n\r\n");
        if (followed)
        {
            string head = await server.ReadHeadAsync();
            Assert.StartsWith("GET /plain HTTP/1.1\r\n", head);
            Assert.Contains($"x-envoy-original-url: {(tls ? "https" : "http")}://a/old\r\n", head);
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        }

        Assert.StartsWith(followed ? "HTTP/1.1 204 " : "HTTP/1.1 302 ", await client.ReadHeadAsync());
        Assert.Equal(followed ? 0 : 1, bench.Counter("http.test.passthrough_internal_redirect_predicate"));
    });

    // What a header says of the scheme is not what the connection is: leading such a client to https is a change.
    [Fact]
    public void ForwardedProto_OnAPlainConnection_IsNoTls() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes(new InternalRedirectPolicy()));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /old HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: https://a/plain\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 302 ", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("http.test.passthrough_internal_redirect_unsafe_scheme"));
    });

    private static RouteConfiguration Routes(InternalRedirectPolicy policy) => new()
    {
        Name = "routes",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all",
                Domains = { "a", "other.example" },
                Routes =
                {
                    new Route
                    {
                        Name = "answered",
                        Match = new RouteMatch { Prefix = "/answered" },
                        DirectResponse = new DirectResponseAction { Status = 200 },
                    },
                    new Route
                    {
                        Name = "plain",
                        Match = new RouteMatch { Prefix = "/plain" },
                        Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() },
                    },
                    new Route
                    {
                        Name = "redirecting",
                        Match = new RouteMatch { Prefix = "/" },
                        Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration(), InternalRedirectPolicy = policy },
                    },
                },
            },
        },
    };
}
