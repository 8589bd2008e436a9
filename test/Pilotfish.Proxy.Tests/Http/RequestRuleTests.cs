using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Testing;
using Xunit;
using Escaped = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a connection manager does to a request before routing: a row per documented rule.</summary>
public sealed class RequestRuleTests
{
    [Theory]
    [InlineData("dot segments", true, false, Escaped.KeepUnchanged, "/a/../b/./c?x=/../", "/b/c?x=/../")]
    [InlineData("dots beyond the root", true, false, Escaped.KeepUnchanged, "/../../x", "/x")]
    [InlineData("encoded dots", true, false, Escaped.KeepUnchanged, "/a/%2e%2E/x", "/x")]
    [InlineData("unreserved characters decoded", true, false, Escaped.KeepUnchanged, "/%41%7e%2d", "/A~-")]
    [InlineData("reserved characters kept", true, false, Escaped.KeepUnchanged, "/a%3Fb%23", "/a%3Fb%23")]
    [InlineData("backslash", true, false, Escaped.KeepUnchanged, "/a\\b", "/a/b")]
    [InlineData("normalisation off", false, false, Escaped.KeepUnchanged, "/a/../b", "/a/../b")]
    [InlineData("slashes merged, query kept", false, true, Escaped.KeepUnchanged, "//a///b?x=//", "/a/b?x=//")]
    [InlineData("slashes kept by normalisation alone", true, false, Escaped.KeepUnchanged, "/a//b", "/a//b")]
    [InlineData("escaped slash kept", true, false, Escaped.KeepUnchanged, "/a%2Fb", "/a%2Fb")]
    [InlineData("escaped slash forwarded", false, false, Escaped.UnescapeAndForward, "/a%2fb%5Cc", "/a/b\\c")]
    [InlineData("escaped slashes before normalisation and merging", true, true, Escaped.UnescapeAndForward, "/a%2F..%2F/b", "/b")]
    public void Path_ReachesTheUpstreamAs(string label, bool normalize, bool merge, object escaped, string path, string expected) =>
        LoopRunner.Run(async loop =>
        {
            string head = await UpstreamHeadAsync(loop, Configure(normalize, merge, (Escaped)escaped), $"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.True(head.StartsWith($"GET {expected} HTTP/1.1\r\n", StringComparison.Ordinal), $"{label}: {head[..head.IndexOf('\r')]}");
        });

    [Theory]
    [InlineData("escaped slash refused", Escaped.RejectRequest, "/a%2Fb", "400 ", "path_normalization_failed")]
    [InlineData("escaped slash redirected", Escaped.UnescapeAndRedirect, "/a%2Fb?q", "307 ", "location: /a/b?q\r\n")]
    [InlineData("NUL", Escaped.KeepUnchanged, "/a%00", "400 ", "path_normalization_failed")]
    [InlineData("broken escape", Escaped.KeepUnchanged, "/a%4", "400 ", "path_normalization_failed")]
    [InlineData("no path at all", Escaped.KeepUnchanged, "*", "404 ", "absolute_path_rejected")]
    public void Path_IsAnsweredHere(string label, object escaped, string path, string status, string trace) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(Configure(normalize: true, merge: false, (Escaped)escaped));
        TestClient client = bench.Connect();
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith($"HTTP/1.1 {status}", StringComparison.Ordinal), $"{label}: {head}");
        Assert.True(head.Contains(trace, StringComparison.Ordinal) || bench.Logged[0].Details == trace, $"{label}: {bench.Logged[0].Details}");
    });

    [Theory]
    [InlineData("Envoy's default", null, 400)]
    [InlineData("as Istio sets it", false, 200)]
    [InlineData("set on", true, 400)]
    public void Fragment_IsRefusedOrCut_AsTheRuntimeSays(string label, bool? flag, int status) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        if (flag is { } value)
        {
            bench.Context.Runtime.Replace(new Dictionary<string, string>
            {
                ["envoy.reloadable_features.http_reject_path_with_fragment"] = value ? "true" : "False",
            });
        }

        TestClient client = bench.Connect();
        await client.SendAsync("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n");
        if (status == 200)
        {
            TestClient server = await upstream.AcceptAsync();
            Assert.StartsWith("GET /a HTTP/1.1\r\n", await server.ReadHeadAsync());
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }

        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData("any port", "strip_any", "a.example:99", "a.example")]
    [InlineData("matching port", "strip_matching", "a.example:80", "a.example")]
    [InlineData("other port", "strip_matching", "a.example:99", "a.example:99")]
    [InlineData("trailing dot", "strip_dot", "a.example.", "a.example")]
    [InlineData("trailing dot before a port", "strip_dot", "a.example.:99", "a.example:99")]
    [InlineData("none", "", "a.example.:80", "a.example.:80")]
    public void Host_ReachesTheUpstreamAs(string label, string rule, string host, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, hcm =>
        {
            hcm.StripAnyHostPort = rule == "strip_any";
            hcm.StripMatchingHostPort = rule == "strip_matching";
            hcm.StripTrailingHostDot = rule == "strip_dot";
        }, $"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Assert.True(head.Contains($"\r\nhost: {expected}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    // Routes see the host alone; where the tunnel leads is the client's word.
    [Fact]
    public void Connect_KeepsThePortThatIsStripped() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            static hcm =>
            {
                hcm.StripAnyHostPort = true;
                hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" });
                hcm.RouteConfig.VirtualHosts[0].Domains.Clear();
                hcm.RouteConfig.VirtualHosts[0].Domains.Add("a.example");
            },
            static route => route.Match = new Envoy.Config.Route.V3.RouteMatch { ConnectMatcher = new() });
        await bench.Connect().SendAsync("CONNECT a.example:8443 HTTP/1.1\r\nHost: a.example:8443\r\n\r\n");
        Assert.StartsWith("CONNECT a.example:8443 HTTP/1.1\r\nhost: a.example:8443\r\n", await (await upstream.AcceptAsync()).ReadHeadAsync());
    });

    [Theory]
    [InlineData("the peer", 0u, "1.1.1.1, 2.2.2.2", "10.0.0.9", "1.1.1.1, 2.2.2.2,10.0.0.9")]
    [InlineData("one trusted hop", 1u, "1.1.1.1, 2.2.2.2", "2.2.2.2", "1.1.1.1, 2.2.2.2,10.0.0.9")]
    [InlineData("two trusted hops", 2u, "1.1.1.1, 2.2.2.2", "1.1.1.1", "1.1.1.1, 2.2.2.2,10.0.0.9")]
    [InlineData("too few entries", 3u, "1.1.1.1, 2.2.2.2", "10.0.0.9", "1.1.1.1, 2.2.2.2,10.0.0.9")]
    [InlineData("no address", 1u, "unknown", "10.0.0.9", "unknown,10.0.0.9")]
    public void ForwardedFor_AtTheEdge_TrustedClientAndWhatIsAppended(string label, uint hops, string before, string client, string after) =>
        LoopRunner.Run(async loop =>
        {
            string head = await UpstreamHeadAsync(loop, hcm =>
            {
                hcm.UseRemoteAddress = true;
                hcm.XffNumTrustedHops = hops;
            }, $"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {before}\r\n\r\n");
            Assert.True(head.Contains($"\r\nx-envoy-external-address: {client}\r\n", StringComparison.Ordinal), $"{label}: {head}");
            Assert.True(head.Contains($"\r\nx-forwarded-for: {after}\r\n", StringComparison.Ordinal), $"{label}: {head}");
        });

    [Theory]
    [InlineData("absent: made", true, false, false, "", 36)]
    [InlineData("present, not the edge: kept", true, false, false, "abc", 3)]
    [InlineData("present, the edge: replaced", true, true, false, "abc", 36)]
    [InlineData("present, the edge, preserved", true, true, true, "abc", 3)]
    [InlineData("generation off", false, false, false, "", 0)]
    public void RequestId_IsAsConfigured(string label, bool generate, bool edge, bool preserve, string sent, int length) => LoopRunner.Run(async loop =>
    {
        string header = sent.Length > 0 ? $"X-Request-Id: {sent}\r\n" : "";
        string head = await UpstreamHeadAsync(loop, hcm =>
        {
            hcm.GenerateRequestId = generate;
            hcm.UseRemoteAddress = edge;
            hcm.PreserveExternalRequestId = preserve;
        }, $"GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n");
        int at = head.IndexOf("x-request-id: ", StringComparison.Ordinal);
        int found = at < 0 ? 0 : head.IndexOf('\r', at) - at - 14;
        Assert.True(length == found, $"{label}: {head}");
    });

    [Fact]
    public void Via_IsAppendedBothWays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.Via = "1.1 pilot");
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 other\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("\r\nvia: 1.0 other, 1.1 pilot\r\n", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.Contains("\r\nvia: 1.1 pilot\r\n", await client.ReadHeadAsync());
    });

    private static async Task<string> UpstreamHeadAsync(
        Pilotfish.Runtime.Loops.EventLoop loop, Action<HttpConnectionManager> configure, string request)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        TestClient server = await upstream.AcceptAsync();
        return await server.ReadHeadAsync();
    }

    private static Action<HttpConnectionManager> Configure(bool normalize, bool merge, Escaped escaped) => hcm =>
    {
        hcm.NormalizePath = normalize;
        hcm.MergeSlashes = merge;
        hcm.PathWithEscapedSlashesAction = escaped;
    };
}
