using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.RequestId.Uuid.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using UpgradeConfig = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.UpgradeConfig;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a request says of its client's connection, by who may say it.</summary>
public sealed class ForwardedHeaderTests
{
    private const string Traced = "f4dca0a9-12c7-9307-8002-969403baf480";

    [Theory]
    [InlineData("at the edge", true, 0u, "7", "80")]
    [InlineData("behind a trusted hop", true, 1u, "7", "7")]
    [InlineData("behind a trusted hop that says nothing", true, 1u, "", "80")]
    [InlineData("within the mesh", false, 0u, "7", "7")]
    public void ForwardedPort_IsTheConnectionsWhereNobodyInFrontIsTrusted(string label, bool edge, uint hops, string sent, string port) =>
        LoopRunner.Run(async loop =>
        {
            string head = await UpstreamHeadAsync(loop, hcm =>
            {
                hcm.AppendXForwardedPort = true;
                hcm.UseRemoteAddress = edge;
                hcm.XffNumTrustedHops = hops;
            }, sent.Length > 0 ? $"X-Forwarded-Port: {sent}\r\n" : "");
            Assert.True(head.Contains($"\r\nx-forwarded-port: {port}\r\n", StringComparison.Ordinal), $"{label}: {head}");
        });

    [Fact]
    public void SchemeToOverwrite_IsAlsoTheForwardedProto() => LoopRunner.Run(async loop =>
        Assert.Contains("\r\nx-forwarded-proto: https\r\n", await UpstreamHeadAsync(
            loop, static hcm => hcm.SchemeHeaderTransformation = new() { SchemeToOverwrite = "https" }, "X-Forwarded-Proto: http\r\n")));

    [Theory]
    [InlineData("absolute", "Referer: https://a.example/p?q#f\r\n", "https://a.example/p?q#f")]
    [InlineData("relative", "Referer: /p\r\n", "")]
    [InlineData("no host", "Referer: https:///p\r\n", "")]
    [InlineData("no URL", "Referer: hello\r\n", "")]
    [InlineData("two", "Referer: https://a/\r\nReferer: https://b/\r\n", "")]
    public void Referer_GoesOnAsOneAbsoluteUrl(string label, string sent, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static _ => { }, sent);
        Assert.True(expected.Length == 0 ? !head.Contains("\r\nreferer:", StringComparison.Ordinal)
            : head.Contains($"\r\nreferer: {expected}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData("the whole header", "h2c", false, "")]
    [InlineData("any case", "H2C", false, "")]
    [InlineData("among others it is not known", "h2c, websocket", true, "")]
    [InlineData("another", "websocket", false, "websocket")]
    public void H2cUpgrade_IsAnOrdinaryRequest(string label, string sent, bool refused, string upgrade) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.UpgradeConfigs.Add(new UpgradeConfig { UpgradeType = "websocket" }));
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {sent}\r\nHTTP2-Settings: x\r\n\r\n");
        if (refused)
        {
            Assert.StartsWith("HTTP/1.1 403 ", await client.ReadHeadAsync());
            return;
        }

        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.True(upgrade.Length > 0 == head.Contains("\r\nupgrade: websocket\r\n", StringComparison.Ordinal), $"{label}: {head}");
        Assert.DoesNotContain("http2-settings", head);
        Assert.DoesNotContain("transfer-encoding", head);
        if (upgrade.Length == 0)
        {
            // It has ended, and its connection serves the next.
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            Assert.DoesNotContain("connection: close", await client.ReadHeadAsync());
            await client.SendAsync("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.StartsWith("GET /next ", await server.ReadHeadAsync());
        }
    });

    [Fact]
    public void ForcedTrace_TellsTheRequestsIdToInsiders() => LoopRunner.Run(async loop =>
    {
        foreach (bool isInternal in new[] { true, false })
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(static hcm => hcm.InternalAddressConfig = new()
            {
                CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
            });
            TestClient client = bench.Connect();
            string from = isInternal ? "10.1.1.1" : "1.1.1.1";
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {from}\r\nX-Envoy-Force-Trace: 1\r\nX-Request-Id: abc\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            Assert.Equal(isInternal, (await client.ReadHeadAsync()).Contains("x-request-id: abc\r\n", StringComparison.Ordinal));
        }
    });

    [Theory]
    [InlineData("the default", true, null, "f4dca0a9-12c7-4307-8002-969403baf480")]
    [InlineData("packed", true, true, "f4dca0a9-12c7-4307-8002-969403baf480")]
    [InlineData("not packed", true, false, Traced)]
    [InlineData("within the mesh", false, true, Traced)]
    public void PreservedRequestId_OfAnOutsider_LosesItsTraceDecision(string label, bool edge, bool? packs, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, hcm =>
        {
            hcm.UseRemoteAddress = edge;
            hcm.PreserveExternalRequestId = true;
            hcm.RequestIdExtension = packs is null ? null : new RequestIDExtension
            {
                TypedConfig = Any.Pack(new UuidRequestIdConfig { PackTraceReason = packs }),
            };
        }, $"X-Request-Id: {Traced}\r\n");
        Assert.True(head.Contains($"\r\nx-request-id: {expected}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    private static async Task<string> UpstreamHeadAsync(EventLoop loop, Action<HttpConnectionManager> configure, string headers)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        await bench.Connect().SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }
}
