using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

public sealed class UpstreamSocketsTests
{
    [Fact]
    public void Connect_BindConfig_ComesFromTheSourceOnEveryConnection() => LoopRunner.Run(async loop =>
    {
        // The long form opens 40,000; the port is chosen at connect, so destinations share the source's ports.
        const int Connections = 200;
        var fixture = new TransportFixture(loop);
        var peers = new List<NetAddress>();
        ListenSocket first = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocket second = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        foreach (ListenSocket listener in new[] { first, second })
        {
            TestPeers.Serve(listener, stream =>
            {
                peers.Add(stream.RemoteAddress);
                return Task.CompletedTask;
            });
        }

        Cluster cluster = TransportFixture.StaticCluster("c", first.LocalAddress, second.LocalAddress);
        cluster.UpstreamBindConfig = new BindConfig { SourceAddress = new SocketAddress { Address = "127.0.0.6", PortValue = 0 } };
        WorkerCluster worker = Worker(fixture, cluster);
        for (int i = 0; i < Connections; i++)
        {
            UpstreamConnectResult result = await worker.ConnectAsync(worker.Pick(default).Host!, default);
            Assert.NotNull(result.Connection);
        }

        await TestPeers.UntilAsync(loop, () => peers.Count == Connections);
        Assert.All(peers, peer => Assert.Equal("127.0.0.6", peer.IpToString()));
        Assert.Equal(Connections, fixture.Gauge("cluster.c.upstream_cx_active"));
    });

    [Fact]
    public void Connect_SourceDoesNotExist_IsALocalFailure() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        Cluster cluster = TransportFixture.StaticCluster("c", listener.LocalAddress);
        cluster.UpstreamBindConfig = new BindConfig { SourceAddress = new SocketAddress { Address = "192.0.2.77", PortValue = 0 } };
        WorkerCluster worker = Worker(fixture, cluster);
        UpstreamConnectResult result = await worker.ConnectAsync(worker.Pick(default).Host!, default);
        Assert.Equal(UpstreamConnectFailure.Local, result.Failure);
        Assert.Equal(1, fixture.Counter("cluster.c.bind_errors"));
        Assert.Equal(0, fixture.Gauge("cluster.c.upstream_cx_active"));
        Assert.Equal(0, worker.State.Breaker(default).Connections.Active);
    });

    [Fact]
    public void Connect_HostSilent_TimesOut()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);

            // A listener with a full backlog of one answers nobody.
            ListenSocket full = ListenSocket.Listen(loop, NetAddress.Loopback(0), new ListenSocketOptions { Backlog = 0 });
            var fillers = new List<SocketStream>();
            for (int i = 0; i < 3; i++)
            {
                SocketStream filler = SocketStream.Create(loop);
                fillers.Add(filler);
                _ = filler.ConnectAsync(full.LocalAddress).AsTask();
            }

            WorkerCluster worker = Worker(fixture, TransportFixture.StaticCluster("c", full.LocalAddress));
            Task<UpstreamConnectResult> connect = worker.ConnectAsync(worker.Pick(default).Host!, default).AsTask();
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(6));
            UpstreamConnectResult result = await connect;
            Assert.Equal(UpstreamConnectFailure.Timeout, result.Failure);
            Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_connect_timeout"));
            fillers.ForEach(filler => filler.Close());
        });
    }

    private static WorkerCluster Worker(TransportFixture fixture, Cluster cluster)
    {
        Assert.Empty(fixture.Apply(cluster));
        return fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference(cluster.Name).Current!);
    }
}
