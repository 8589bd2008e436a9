using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Health;

/// <summary>Active checks over HTTP/2, plain and gRPC's own, against scripted hosts in manual time.</summary>
public sealed class Http2HealthCheckTests
{
    [Theory]
    [InlineData("200", "", HostHealth.Healthy)]
    [InlineData("200", "x-envoy-degraded", HostHealth.DegradedActiveHealthCheck)]
    [InlineData("503", "", HostHealth.FailedActiveHealthCheck)]
    [InlineData("503", "x-envoy-immediate-health-check-fail", HostHealth.FailedActiveHealthCheck | HostHealth.ExcludedViaImmediateHealthCheckFailure)]
    public void Http_AnswerDecides(string status, string header, HostHealth health) => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.HealthChecks[0].HttpHealthCheck = new HealthCheck.Types.HttpHealthCheck { Path = "/health", Host = "there", CodecClientType = Envoy.Type.V3.CodecClientType.Http2 };
        Assert.Empty(fixture.Apply(cluster));
        Http2Peer peer = await AcceptAsync(host);
        (int id, bool end, Dictionary<string, string> fields) = await peer.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal(
            ("GET", "/health", "there", "http", "Envoy/HC"), (fields[":method"], fields[":path"], fields[":authority"], fields[":scheme"], fields["user-agent"]));
        await peer.HeadersAsync(id, end: true, header.Length > 0 ? [(":status", status), (header, "true")] : [(":status", status)]);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(health, state.Hosts.All[0].Health);

        // The checks are not traffic.
        Assert.Equal((0, 0), (fixture.Counter("cluster.c.upstream_cx_total"), fixture.Counter("cluster.c.upstream_rq_total")));
        Assert.Equal((0, 0L), (state.Hosts.All[0].ActiveConnections, state.Hosts.All[0].RequestsTotal));
    });

    /// <summary>A message's bytes, what ends the answer, and what that makes of the host.</summary>
    [Theory]
    [InlineData("0000000002" + "0801", "0", "application/grpc", HostHealth.Healthy)]
    [InlineData("0000000002" + "0801", "0", "application/grpc+proto", HostHealth.Healthy)]
    [InlineData("0000000004" + "10050801", "0", "application/grpc", HostHealth.Healthy)]
    [InlineData("0000000002" + "0802", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000000", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000002" + "0801", "14", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000002" + "0801", "", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000002" + "0801", "0", "text/html", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000002" + "0801" + "0000000002" + "0801", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0100000002" + "0801", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    [InlineData("0000000003" + "08ffff", "0", "application/grpc", HostHealth.FailedActiveHealthCheck)]
    public void Grpc_OnlyServing_IsHealthy(string message, string status, string type, HostHealth health) => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Assert.Empty(fixture.Apply(Grpc(host.Address)));
        Http2Peer peer = await AcceptAsync(host);
        int id = await CheckedAsync(peer);
        await peer.HeadersAsync(id, end: false, (":status", "200"), ("content-type", type));
        if (message.Length > 0)
        {
            await peer.SendAsync(FrameType.DATA, status.Length > 0 ? FrameFlags.None : FrameFlags.END_STREAM, id, Convert.FromHexString(message));
        }

        if (status.Length > 0)
        {
            await peer.HeadersAsync(id, end: true, ("grpc-status", status));
        }

        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(health, state.Hosts.All[0].Health);
    });

    [Fact]
    public void Grpc_StatusAlone_OfAServerWithoutTheService_IsDown() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Assert.Empty(fixture.Apply(Grpc(host.Address)));
        Http2Peer peer = await AcceptAsync(host);
        await peer.HeadersAsync(await CheckedAsync(peer), end: true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12"));
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.FailedActiveHealthCheck, state.Hosts.All[0].Health);
    });

    [Fact]
    public void Grpc_SilentHost_TimesOut_AndANewConnectionAsksAgain() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Assert.Empty(fixture.Apply(Grpc(host.Address)));
        Http2Peer peer = await AcceptAsync(host);
        await CheckedAsync(peer);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.FailedActiveHealthCheck | HostHealth.ActiveHealthCheckTimeout, state.Hosts.All[0].Health);
        Assert.Equal(1, fixture.Counter("cluster.c.health_check.network_failure"));
        await loop.YieldAsync();
        clock.Advance(TimeSpan.FromSeconds(5.1));
        Http2Peer next = await AcceptAsync(host);
        await ServeAsync(next, await CheckedAsync(next));
        await TestPeers.UntilAsync(loop, () => fixture.Counter("cluster.c.health_check.success") == 1);
        await loop.YieldAsync();
        clock.Advance(TimeSpan.FromSeconds(5.1));

        // The connection is kept from one check to the next.
        await ServeAsync(next, await CheckedAsync(next));
        await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 1);
    });

    [Fact]
    public void Grpc_ReuseConnectionOff_AsksOverANewOneEachTime() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Grpc(host.Address);
        cluster.HealthChecks[0].ReuseConnection = false;
        Assert.Empty(fixture.Apply(cluster));
        for (int i = 0; i < 3; i++)
        {
            Http2Peer peer = await AcceptAsync(host);
            await ServeAsync(peer, await CheckedAsync(peer));
            await TestPeers.UntilAsync(loop, () => fixture.Counter("cluster.c.health_check.success") == i + 1);
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(5.1));
        }
    });

    [Fact]
    public void Grpc_RemovedCluster_EndsItsCheck() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Assert.Empty(fixture.Apply(Grpc(host.Address)));
        Http2Peer peer = await AcceptAsync(host);
        await CheckedAsync(peer);
        fixture.Clusters.Apply([], ["c"], []);
        await peer.ReadToEndAsync();
    });

    private static async Task<Http2Peer> AcceptAsync(TestUpstream host)
    {
        var peer = new Http2Peer((await host.AcceptAsync()).Stream);
        await peer.StartServerAsync();
        return peer;
    }

    // Reads the request, which must be what gRPC's health checking protocol says.
    private static async Task<int> CheckedAsync(Http2Peer peer)
    {
        (int id, bool end, Dictionary<string, string> fields) = await peer.ReadHeadersAsync();
        Assert.False(end);
        Assert.Equal(("POST", "/grpc.health.v1.Health/Check", "auth"), (fields[":method"], fields[":path"], fields[":authority"]));
        Assert.Equal(("application/grpc", "trailers", "Envoy/HC", "b"), (fields["content-type"], fields["te"], fields["user-agent"], fields["x-a"]));
        Assert.Equal("1000m", fields["grpc-timeout"]);
        (_, byte[] body) = await peer.ReadAsync(FrameType.DATA);
        Assert.Equal("00000000050A03" + "737663", Convert.ToHexString(body));
        return id;
    }

    private static async Task ServeAsync(Http2Peer peer, int id)
    {
        await peer.HeadersAsync(id, end: false, (":status", "200"), ("content-type", "application/grpc"));
        await peer.SendAsync(FrameType.DATA, FrameFlags.None, id, [0, 0, 0, 0, 2, 8, 1]);
        await peer.HeadersAsync(id, end: true, ("grpc-status", "0"));
    }

    private static Cluster Grpc(NetAddress host)
    {
        Cluster cluster = Checked(host);
        cluster.HealthChecks[0].GrpcHealthCheck = new HealthCheck.Types.GrpcHealthCheck
        {
            ServiceName = "svc",
            Authority = "auth",
            InitialMetadata = { new HeaderValueOption { Header = new HeaderValue { Key = "x-a", Value = "b" } } },
        };
        return cluster;
    }

    private static Cluster Checked(NetAddress host)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", host);
        cluster.TypedExtensionProtocolOptions.Add(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new Http2ProtocolOptions() } }));
        cluster.HealthChecks.Add(new HealthCheck
        {
            Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
            Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
            NoTrafficInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
            UnhealthyThreshold = 3,
            HealthyThreshold = 2,
        });
        return cluster;
    }

    private static async Task<ClusterState> WarmAsync(EventLoop loop, TransportFixture fixture)
    {
        await TestPeers.UntilAsync(loop, () => fixture.Clusters.WarmingCount == 0);
        return fixture.Context.Clusters.Reference("c").Current!;
    }

    private static void Run(Func<EventLoop, ManualLoopClock, TransportFixture, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => body(loop, clock, new TransportFixture(loop)));
    }
}
