using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>The cluster's own fields, which typed_extension_protocol_options took the place of.</summary>
public sealed class OldHttpOptionTests
{
    [Fact]
    public void Http2Options_MakeTheUpstreamHttp2()
    {
        UpstreamHttpOptions options = Compile(new Cluster { Http2ProtocolOptions = new Http2ProtocolOptions { HpackTableSize = 100 } });

        Assert.Equal(UpstreamProtocol.Http2, options.Protocol);
        Assert.Equal(100, options.Http2.HpackTableBytes);
    }

    [Fact]
    public void Http1AndCommonOptions_Count()
    {
        UpstreamHttpOptions options = Compile(new Cluster
        {
            HttpProtocolOptions = new Http1ProtocolOptions { HeaderKeyFormat = new() { ProperCaseWords = new() } },
            CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = new Duration { Seconds = 7 } },
        });

        Assert.NotEqual(UpstreamProtocol.Http2, options.Protocol);
        Assert.True(options.ProperCase);
        Assert.Equal(7000, options.IdleMilliseconds);
    }

    [Fact]
    public void ProtocolSelection_FollowsTheClient() => Assert.True(Compile(
        new Cluster { ProtocolSelection = Cluster.Types.ClusterProtocolSelection.UseDownstreamProtocol }).UsesDownstreamProtocol);

    [Fact]
    public void TypedOptions_Win()
    {
        var cluster = new Cluster { Http2ProtocolOptions = new Http2ProtocolOptions() };
        cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
            Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = new() } });

        Assert.NotEqual(UpstreamProtocol.Http2, Compile(cluster).Protocol);
    }

    [Fact]
    public void None_IsTheDefault() => Assert.Same(UpstreamHttpOptions.Default, Compile(new Cluster()));

    private static UpstreamHttpOptions Compile(Cluster cluster)
    {
        UpstreamHttpOptions? options = null;
        LoopRunner.Run(loop =>
        {
            options = UpstreamHttpOptions.Compile(cluster, new ProxyBench(loop).Context);
            return Task.CompletedTask;
        });
        return options!;
    }
}
