using System.Globalization;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>Source ports in a network namespace of its own, whose port range the test chooses.</summary>
public sealed class UpstreamPortsTests
{
    // Twice the range over two backends, less a margin for what the kernel passes over when the range is nearly full.
    private const int PortsInShortForm = 1000;
    private const int ConnectionsInShortForm = 1900;

    [Fact]
    public void BindSource_SeveralBackends_ShareThePortsOfTheSource() => InNamespace(
        $"20000 {20000 + PortsInShortForm - 1}", loop => OpenAsync(loop, ConnectionsInShortForm));

    [Fact]
    public void Ports_Exhausted_IsALocalFailureAndRecovers() => InNamespace("20000 20063", async loop =>
    {
        var fixture = new TransportFixture(loop);
        var held = new List<SocketStream>();
        ListenSocket backend = Hold(loop, held);
        WorkerCluster worker = Worker(fixture, backend.LocalAddress);
        var open = new List<UpstreamConnection>();
        UpstreamConnectResult result;
        while ((result = await worker.ConnectAsync(worker.Pick(default).Host!, default)).Connection is { } connection)
        {
            open.Add(connection);
        }

        Assert.Equal(UpstreamConnectFailure.Local, result.Failure);
        Assert.InRange(open.Count, 32, 64);
        Assert.Equal(1, fixture.Counter("cluster.c.bind_errors"));
        Assert.Equal(open.Count, fixture.Gauge("cluster.c.upstream_cx_active"));

        // RST leaves no TIME_WAIT, so its port is free at once.
        open[0].Stream.Reset();
        Assert.NotNull((await worker.ConnectAsync(worker.Pick(default).Host!, default)).Connection);
        held.ForEach(static stream => stream.Reset());
    });

    private static async Task OpenAsync(EventLoop loop, int connections)
    {
        var fixture = new TransportFixture(loop);
        var held = new List<SocketStream>(connections);
        ListenSocket first = Hold(loop, held);
        ListenSocket second = Hold(loop, held);
        WorkerCluster worker = Worker(fixture, first.LocalAddress, second.LocalAddress);
        for (int i = 0; i < connections; i++)
        {
            UpstreamConnectResult result = await worker.ConnectAsync(worker.Pick(default).Host!, default);
            Assert.True(result.Connection is not null, $"connection {i} failed: {result.TransportFailure}");
        }

        await TestPeers.UntilAsync(loop, () => held.Count == connections);
        Assert.All(held, static stream => Assert.Equal("127.0.0.6", stream.RemoteAddress.IpToString()));
        Assert.Equal(connections, fixture.Gauge("cluster.c.upstream_cx_active"));
        held.ForEach(static stream => stream.Reset());
    }

    private static WorkerCluster Worker(TransportFixture fixture, params NetAddress[] backends)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", backends);
        cluster.UpstreamBindConfig = new BindConfig { SourceAddress = new SocketAddress { Address = "127.0.0.6", PortValue = 0 } };
        cluster.CircuitBreakers = new CircuitBreakers { Thresholds = { new CircuitBreakers.Types.Thresholds { MaxConnections = uint.MaxValue } } };
        Assert.Empty(fixture.Apply(cluster));
        return fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference("c").Current!);
    }

    private static ListenSocket Hold(EventLoop loop, List<SocketStream> held)
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        TestPeers.Serve(listener, stream =>
        {
            held.Add(stream);
            return Task.CompletedTask;
        });
        return listener;
    }

    private static void InNamespace(string ports, Func<EventLoop, Task> body)
    {
        using TestNamespace own = TestNamespace.Create();
        own.Run("sysctl", "-w", string.Create(CultureInfo.InvariantCulture, $"net.ipv4.ip_local_port_range={ports}"));
        own.Enter().Run(() =>
        {
            LoopRunner.Run(body);
            return true;
        });
    }
}
