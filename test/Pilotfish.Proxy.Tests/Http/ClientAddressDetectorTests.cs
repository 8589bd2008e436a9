using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>original_ip_detection_extensions; the peer of every request here is 10.0.0.9.</summary>
public sealed class ClientAddressDetectorTests
{
    public static TheoryData<string, string, string, string> Rows => new()
    {
        { "header", "X-Client: 1.2.3.4", "1.2.3.4", "10.0.0.9" },
        { "header", "X-Client: 2001:db8::1\r\nX-Forwarded-For: 9.9.9.9", "2001:db8::1", "9.9.9.9,10.0.0.9" },
        { "header", "X-Client: nonsense", "10.0.0.9", "-" },
        { "header", "X-Forwarded-For: 9.9.9.9", "10.0.0.9", "9.9.9.9" },
        { "hops", "X-Forwarded-For: 1.1.1.1, 2.2.2.2", "1.1.1.1", "1.1.1.1, 2.2.2.2" },
        { "hops", "X-Forwarded-For: 2.2.2.2", "10.0.0.9", "2.2.2.2" },
        { "proxies", "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.5", "2.2.2.2", "1.1.1.1, 2.2.2.2, 10.0.0.5,10.0.0.9" },
        { "proxies", "X-Forwarded-For: 10.1.1.1, 10.0.0.5", "10.1.1.1", "10.1.1.1, 10.0.0.5,10.0.0.9" },
        { "proxies", "X-Forwarded-For: junk, 10.0.0.5", "10.0.0.5", "junk, 10.0.0.5,10.0.0.9" },
        { "strangers", "X-Forwarded-For: 1.1.1.1", "10.0.0.9", "1.1.1.1" },
        { "header, then hops", "X-Client: 3.3.3.3\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2", "3.3.3.3", "1.1.1.1, 2.2.2.2,10.0.0.9" },
        { "header, then hops", "X-Forwarded-For: 1.1.1.1, 2.2.2.2", "1.1.1.1", "1.1.1.1, 2.2.2.2" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Request_ClientIsWhoTheExtensionsTell(string extensions, string headers, string client, string forwarded) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm =>
        {
            hcm.OriginalIpDetectionExtensions.Add(Array.ConvertAll(extensions.Split(", then "), Extension));
            hcm.RouteConfig.RequestHeadersToAdd.Add(new HeaderValueOption
            {
                Header = new HeaderValue { Key = "x-told", Value = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
            });
        });
        TestClient sender = bench.Connect();
        await sender.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n");
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();

        Assert.Contains($"\r\nx-told: {client}\r\n", head, StringComparison.Ordinal);
        Assert.Equal(forwarded, Field(head, "x-forwarded-for"));
    });

    [Theory]
    [InlineData(418, 418)]
    [InlineData(200, 403)]
    public void Request_AddressCannotBeTold_IsRefused(int configured, int status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.OriginalIpDetectionExtensions.Add(Of(new CustomHeaderConfig
        {
            HeaderName = "x-client", RejectWithStatus = new Envoy.Type.V3.HttpStatus { Code = (Envoy.Type.V3.StatusCode)configured },
        })));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_rejected_via_ip_detection"));
    });

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void TrustedAddress_MakesTheRequestInternal(bool trusted, bool isInternal) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm =>
        {
            hcm.InternalAddressConfig = new() { CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } } };
            hcm.OriginalIpDetectionExtensions.Add(Of(new CustomHeaderConfig { HeaderName = "x-client", AllowExtensionToSetAddressAsTrusted = trusted }));
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Client: 10.1.2.3\r\n\r\n");

        Assert.Equal(isInternal, (await (await upstream.AcceptAsync()).ReadHeadAsync()).Contains("x-envoy-internal: true", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("use_remote_address", "original_ip_detection_extensions")]
    [InlineData("both kinds of trust", "original_ip_detection_extensions[0].typed_config")]
    [InlineData("no header", "original_ip_detection_extensions[0].typed_config.header_name")]
    [InlineData("another type", "original_ip_detection_extensions[0].typed_config")]
    public void BadConfig_IsRefusedByField(string label, string field) => LoopRunner.Run(loop =>
    {
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(hcm =>
        {
            hcm.UseRemoteAddress = label == "use_remote_address";
            hcm.OriginalIpDetectionExtensions.Add(Of(label switch
            {
                "both kinds of trust" => new XffConfig { XffNumTrustedHops = 1, XffTrustedCidrs = new XffTrustedCidrs() },
                "no header" => new CustomHeaderConfig { HeaderName = "x y" },
                "another type" => new StringValue(),
                _ => new XffConfig(),
            }));
        }));

        Assert.Equal(field, rejected.Field);
        return Task.CompletedTask;
    });

    private static TypedExtensionConfig Extension(string kind) => Of(kind switch
    {
        "header" => new CustomHeaderConfig { HeaderName = "X-Client" },
        "hops" => new XffConfig { XffNumTrustedHops = 1 },
        "proxies" => Trusting("10.0.0.0"),
        _ => Trusting("172.16.0.0"),
    });

    private static XffConfig Trusting(string prefix) => new()
    {
        XffTrustedCidrs = new XffTrustedCidrs { Cidrs = { new CidrRange { AddressPrefix = prefix, PrefixLen = 8 } } }, SkipXffAppend = false,
    };

    private static TypedExtensionConfig Of(IMessage config) => new() { Name = "detection", TypedConfig = Any.Pack(config) };

    private static string Field(string head, string name)
    {
        int at = head.IndexOf($"\r\n{name}: ", StringComparison.Ordinal);
        return at < 0 ? "-" : head[(at + name.Length + 4)..head.IndexOf('\r', at + 2)];
    }
}
