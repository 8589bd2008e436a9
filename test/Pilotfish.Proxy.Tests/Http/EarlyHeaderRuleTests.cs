using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Extension = Envoy.Extensions.Http.EarlyHeaderMutation.HeaderMutation.V3.HeaderMutation;
using Mutation = Envoy.Config.Common.MutationRules.V3.HeaderMutation;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>early_header_mutation_extensions, forward_proto_config and who counts as internal.</summary>
public sealed class EarlyHeaderRuleTests
{
    [Fact]
    public void Mutations_ApplyInOrderBeforeEverythingElse() => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.UseRemoteAddress = false;
            hcm.EarlyHeaderMutationExtensions.Add(Of(new Extension
            {
                Mutations =
                {
                    new Mutation { Remove = "X-Forwarded-Proto" },
                    Append("x-one", "1"),
                    new Mutation
                    {
                        RemoveOnMatch = new Mutation.Types.RemoveOnMatch { KeyMatcher = new Envoy.Type.Matcher.V3.StringMatcher { Prefix = "x-o" } },
                    },
                    Append("x-two", "2"),
                    Append("x-request-id", "chosen"),
                },
            }));
        }, "X-Forwarded-Proto: gopher\r\nX-Old: 1\r\n");

        Assert.Contains("\r\nx-forwarded-proto: http\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nx-two: 2\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nx-request-id: chosen\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("x-one", head, StringComparison.Ordinal);
        Assert.DoesNotContain("x-old", head, StringComparison.Ordinal);
    });

    [Fact]
    public void Mutation_OfAPseudoHeader_IsRefusedByField() => Refused(
        static hcm => hcm.EarlyHeaderMutationExtensions.Add(Of(new Extension { Mutations = { new Mutation { Remove = ":path" } } })),
        "early_header_mutation_extensions[0].typed_config.mutations[0].remove");

    [Fact]
    public void Mutation_OfNothing_IsRefusedByField() => Refused(
        static hcm => hcm.EarlyHeaderMutationExtensions.Add(Of(new Extension { Mutations = { new Mutation() } })),
        "early_header_mutation_extensions[0].typed_config.mutations[0]");

    [Fact]
    public void Extension_OfAnotherType_IsRefusedByField() => Refused(
        static hcm => hcm.EarlyHeaderMutationExtensions.Add(Of(new StringValue())), "early_header_mutation_extensions[0].typed_config");

    [Fact]
    public void Port_OutOfRange_IsRefusedByField() => Refused(
        static hcm => hcm.ForwardProtoConfig = new ForwardProtoConfig { HttpDestinationPorts = { 80, 70000 } },
        "forward_proto_config.http_destination_ports[1]");

    [Fact]
    public void TrustedRanges_MoreThanTwenty_AreRefused() => Refused(static hcm =>
    {
        var trusted = new XffTrustedCidrs();
        for (int i = 0; i < 21; i++)
        {
            trusted.Cidrs.Add(new CidrRange { AddressPrefix = $"10.0.{i}.0", PrefixLen = 24 });
        }

        hcm.OriginalIpDetectionExtensions.Add(Of(new XffConfig { XffTrustedCidrs = trusted }));
    }, "original_ip_detection_extensions[0].typed_config.xff_trusted_cidrs.cidrs");

    [Theory]
    [InlineData("443 was meant", true, 443, "https")]
    [InlineData("8080 was meant", true, 8080, "http")]
    [InlineData("nobody spoke of 81", true, 81, "http")]
    [InlineData("the socket's own port", false, 443, "http")]
    public void ForwardedProto_IsThePortsThatTheClientMeant(string label, bool restored, ushort port, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.UseRemoteAddress = true;
            hcm.ForwardProtoConfig = new ForwardProtoConfig { HttpsDestinationPorts = { 443 }, HttpDestinationPorts = { 8080 } };
        }, "X-Forwarded-Proto: gopher\r\n", info =>
        {
            info.LocalAddressRestored = restored;
            info.LocalAddress = NetAddress.Parse($"10.9.9.9:{port}");
        });

        Assert.True(head.Contains($"\r\nx-forwarded-proto: {expected}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData("a Unix client that is trusted", true, "@client", "", false, true)]
    [InlineData("a Unix client that is not", false, "@client", "", false, false)]
    [InlineData("an IP client", true, "10.0.0.9:1", "", false, false)]
    [InlineData("a forwarded Unix client", true, "@client", "X-Forwarded-For: 1.1.1.1\r\n", true, false)]
    public void UnixPeer_IsInternalIfTrusted(string label, bool trusted, string peer, string sent, bool skipsAppend, bool isInternal) =>
        LoopRunner.Run(async loop =>
        {
            string head = await UpstreamHeadAsync(loop, hcm =>
            {
                hcm.UseRemoteAddress = true;
                hcm.SkipXffAppend = skipsAppend;
                hcm.InternalAddressConfig = new() { UnixSockets = trusted };
            }, sent, info => info.DirectRemoteAddress = info.RemoteAddress =
                peer[0] == '@' ? NetAddress.Unix("/tmp/client") : NetAddress.Parse(peer));

            Assert.True(isInternal == head.Contains("\r\nx-envoy-internal: true\r\n", StringComparison.Ordinal), $"{label}: {head}");
        });

    [Theory]
    [InlineData(null, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void ProxyProtocolState_IsKeptFromUpstreamsWhenSaid(bool? adds, bool omits) => LoopRunner.Run(async loop =>
    {
        ConnectionInfo? seen = null;
        await UpstreamHeadAsync(loop, hcm => hcm.AddProxyProtocolConnectionState = adds, "", info => seen = info);

        Assert.Equal(omits, seen!.OmitsProxyProtocol);
    });

    [Theory]
    [InlineData("the only one", "h2c", "-")]
    [InlineData("one of two", "h2c, websocket", "websocket")]
    [InlineData("none of them", "websocket", "websocket")]
    public void IgnoredUpgrade_LeavesTheHeader(string label, string sent, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
            hcm.HttpProtocolOptions = new Http1ProtocolOptions { IgnoreHttp11Upgrade = { new Envoy.Type.Matcher.V3.StringMatcher { Exact = "h2c" } } };
        }, $"Connection: upgrade\r\nUpgrade: {sent}\r\n");

        Assert.True(expected == "-" ? !head.Contains("\r\nupgrade: ", StringComparison.Ordinal)
            : head.Contains($"\r\nupgrade: {expected}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    private static async Task<string> UpstreamHeadAsync(
        EventLoop loop, Action<HttpConnectionManager> configure, string headers, Action<ConnectionInfo>? connected = null)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop) { OnConnection = connected };
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }

    private static void Refused(Action<HttpConnectionManager> configure, string field) => LoopRunner.Run(loop =>
    {
        Assert.Equal(field, Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(configure)).Field);
        return Task.CompletedTask;
    });

    private static Mutation Append(string name, string value) => new()
    {
        Append = new HeaderValueOption { Header = new HeaderValue { Key = name, Value = value } },
    };

    private static TypedExtensionConfig Of(IMessage config) => new() { Name = "extension", TypedConfig = Any.Pack(config) };
}
