using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Testing;
using Xunit;
using FilterMessage = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class EcdsFilterTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private static readonly Any s_recording = Any.Pack(new Empty());

    [Fact]
    public void Config_NotArrivedAndNoDefault_WarmsAndFailsClosed() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        Serve(bench, new ExtensionConfigSource { TypeUrls = { s_recording.TypeUrl } });
        Assert.Equal(["ECDS remote"], bench.Warming.Pending);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 500 Internal Server Error\r\n", await client.ReadHeadAsync());
        Assert.Equal(500, Assert.Single(bench.Logged).Status);
    });

    [Fact]
    public void Config_Arrives_IsUsedByTheNextRequest() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        Serve(bench, new ExtensionConfigSource { TypeUrls = { s_recording.TypeUrl } });
        bench.Subscriptions.Push("remote", new TypedExtensionConfig { Name = "remote", TypedConfig = s_recording });
        Assert.True(bench.Warming.IsReady);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("NC", Assert.Single(bench.Recorded).Flags);
    });

    [Fact]
    public void Default_WithoutWarming_ServesUntilTheConfigComesAndAfterItGoes() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        Serve(bench, new ExtensionConfigSource
        {
            DefaultConfig = s_recording,
            ApplyDefaultConfigWithoutWarming = true,
            TypeUrls = { s_recording.TypeUrl },
        });
        Assert.True(bench.Warming.IsReady);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Single(bench.Recorded);
        bench.Subscriptions.Subscribers[0].Consumer.OnRemoved("remote");
        TestClient other = bench.Connect();
        await other.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await other.ReadHeadAsync());
        Assert.Equal(2, bench.Recorded.Count);
    });

    [Fact]
    public void Config_OfAnUnlistedType_IsRefusedByFieldAndTheFormerStays() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        Serve(bench, new ExtensionConfigSource { TypeUrls = { s_recording.TypeUrl } });
        bench.Subscriptions.Push("remote", new TypedExtensionConfig { Name = "remote", TypedConfig = s_recording });
        var refused = Assert.Throws<ConfigRejectedException>(() => bench.Subscriptions.Push(
            "remote", new TypedExtensionConfig { Name = "remote", TypedConfig = Any.Pack(new StringValue()) }));
        Assert.StartsWith("typed_config: ", refused.Message);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Single(bench.Recorded);
    });

    [Fact]
    public void Statistics_CountVersions_OncePerName_AndGoWithTheFilter() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var source = new ExtensionConfigSource { TypeUrls = { s_recording.TypeUrl } };
        Serve(bench, source);
        Serve(bench, source);
        Assert.Equal((0, 0, 0), Discovery(bench));
        var config = new TypedExtensionConfig { Name = "remote", TypedConfig = s_recording };
        PushAll(config);
        Assert.Equal((1, 0, 0), Discovery(bench));
        PushAll(config);
        Assert.Equal((1, 0, 0), Discovery(bench));
        var other = new TypedExtensionConfig { Name = "remote", TypedConfig = Any.Pack(new StringValue()) };
        Assert.Throws<ConfigRejectedException>(() => bench.Subscriptions.Subscribers[0].Consumer.OnResource("remote", other.ToByteArray(), "3"));
        Assert.Throws<ConfigRejectedException>(() => bench.Subscriptions.Subscribers[1].Consumer.OnResource("remote", other.ToByteArray(), "3"));
        Assert.Equal((1, 1, 0), Discovery(bench));
        bench.Subscriptions.Subscribers[0].Consumer.OnInitialFetchTimeout("remote");
        Assert.Equal((1, 2, 0), Discovery(bench));
        bench.Subscriptions.Subscribers[0].Consumer.OnRemoved("remote");
        PushAll(config);
        Assert.Equal((2, 2, 0), Discovery(bench));

        // Another filter of the name takes no such type: what one accepted is a conflict for it.
        Serve(bench, new ExtensionConfigSource { TypeUrls = { "type.googleapis.com/google.protobuf.StringValue" } });
        Assert.Throws<ConfigRejectedException>(() => bench.Subscriptions.Subscribers[2].Consumer.OnResource("remote", config.ToByteArray(), "4"));
        Assert.Equal((2, 2, 1), Discovery(bench));
        return Task.CompletedTask;

        void PushAll(TypedExtensionConfig version)
        {
            for (int i = 0; i < bench.Subscriptions.Subscribers.Count; i++)
            {
                bench.Subscriptions.Subscribers[i].Consumer.OnResource("remote", version.ToByteArray(), "1");
            }
        }
    });

    private static (long Reload, long Fail, long Conflict) Discovery(ProxyBench bench) =>
        (bench.Counter("extension_config_discovery.http_filter.remote.config_reload"),
            bench.Counter("extension_config_discovery.http_filter.remote.config_fail"),
            bench.Counter("extension_config_discovery.http_filter.remote.config_conflict"));

    // The recording filter comes by ECDS; the cluster of the route does not exist, so a working chain answers 503 NC.
    private static void Serve(ProxyBench bench, ExtensionConfigSource source) => bench.Serve(hcm =>
    {
        hcm.HttpFilters.RemoveAt(0);
        hcm.HttpFilters.Insert(0, new FilterMessage { Name = "remote", ConfigDiscovery = source });
    });
}
