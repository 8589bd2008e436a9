using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>Hosts of several addresses: their order, which one is connected to, and LOGICAL_DNS, whose answers make such hosts.</summary>
public sealed class AddressRaceTests
{
    /// <summary>Addresses by family and number, the config, and their order.</summary>
    [Theory]
    [InlineData("61 62 41 42", "{}", "61 41 62 42")]
    [InlineData("41 61 62 63", "{}", "41 61 62 63")]
    [InlineData("61 62 63 41 42", """{"first_address_family_count": 2}""", "61 62 41 63 42")]
    [InlineData("61 62 41 42", """{"first_address_family_version": "V4"}""", "41 61 42 62")]
    [InlineData("41 42 61", """{"first_address_family_version": "V6", "first_address_family_count": 9}""", "61 41 42")]
    [InlineData("41 42", """{"first_address_family_version": "V6"}""", "41 42")]
    [InlineData("61", "{}", "61")]
    public void Order_TakesTurnsOfFamilies(string addresses, string config, string order)
    {
        NetAddress[] all = [.. addresses.Split(' ').Select(static text => NetAddress.Parse(text[0] == '4' ? $"10.0.0.{text[1]}:1" : $"[fd00::{text[1]}]:1"))];
        AddressOrder rule = AddressOrder.Compile(UpstreamConnectionOptions.Types.HappyEyeballsConfig.Parser.ParseJson(config));
        Assert.Equal(order, string.Join(' ', rule.Of(all[0], all[1..]).Select(static address =>
            address.Kind == AddressFamilyKind.IPv4 ? "4" + address.IpToString()[^1] : "6" + address.IpToString()[^1])));
    }

    [Fact]
    public void CountOfNone_IsRefused() => LoopRunner.Run(loop =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"));
        cluster.UpstreamConnectionOptions = new UpstreamConnectionOptions { HappyEyeballsConfig = new() { FirstAddressFamilyCount = 0 } };
        Assert.StartsWith(
            "upstream_connection_options.happy_eyeballs_config.first_address_family_count", Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    [Fact]
    public void AddressThatRefuses_IsFollowedByTheNextAtOnce() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var server = new TestUpstream(loop);
        var closed = new TestUpstream(loop);
        closed.Dispose();
        UpstreamConnectResult result = await ConnectAsync(loop, closed.Address, server.Address);
        Assert.Equal(server.Address, result.Connection!.Stream.RemoteAddress);
    });

    [Fact]
    public void EachAddressThatIsTried_CountsAsAConnection_AndTheRaceAsOneFailure() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        var fixture = new TransportFixture(loop);
        var closed = new TestUpstream(loop);
        var other = new TestUpstream(loop);
        closed.Dispose();
        other.Dispose();
        await ConnectAsync(fixture, closed.Address, other.Address);
        Assert.Equal((2, 1), (fixture.Counter("cluster.c.upstream_cx_total"), fixture.Counter("cluster.c.upstream_cx_connect_fail")));
    });

    [Fact]
    public void AllAddressesRefuse_IsOneFailure() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        var closed = new TestUpstream(loop);
        var other = new TestUpstream(loop);
        closed.Dispose();
        other.Dispose();
        UpstreamConnectResult result = await ConnectAsync(loop, closed.Address, other.Address);
        Assert.Equal(UpstreamConnectFailure.Remote, result.Failure);
    });

    [Fact]
    public void AddressThatIsSilent_IsFollowedAfterItsTime_AndTheFirstThatAnswersStays()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var server = new TestUpstream(loop);
            ValueTask<UpstreamConnectResult> pending = ConnectAsync(loop, FullBacklog.Address, server.Address);
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromMilliseconds(299));
            await loop.YieldAsync();
            Assert.False(pending.IsCompleted);
            clock.Advance(TimeSpan.FromMilliseconds(2));
            UpstreamConnectResult result = await pending;
            Assert.Equal(server.Address, result.Connection!.Stream.RemoteAddress);
        });
    }

    [Fact]
    public void ConnectTimeout_EndsTheRace()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            ValueTask<UpstreamConnectResult> pending = ConnectAsync(loop, FullBacklog.Address, FullBacklog.Address);
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(5.1));
            Assert.Equal(UpstreamConnectFailure.Timeout, (await pending).Failure);
        });
    }

    [Fact]
    public void LogicalDns_KeepsItsHostAndConnections_WhenTheAnswerChanges()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var first = new TestUpstream(loop);
            using var second = new TestUpstream(loop);
            var fixture = new TransportFixture(loop);
            fixture.Resolver.Answers["a.example"] = new NameAnswer([first.Address.WithPort(0), second.Address.WithPort(0)], 0, null);
            Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"));
            cluster.Type = Cluster.Types.DiscoveryType.LogicalDns;
            cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address = "a.example";
            cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.PortValue = first.Address.Port;
            Assert.Empty(fixture.Apply(cluster));
            ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
            Host host = Assert.Single(state.Hosts.All);
            Assert.Equal(first.Address, host.Address);
            Assert.Equal(second.Address.WithPort(first.Address.Port), Assert.Single(host.Config.AdditionalAddresses));
            WorkerCluster worker = fixture.Workers.All[0].Cluster(state);
            UpstreamConnectResult result = await worker.ConnectAsync(worker.Pick(default).Host!, default);
            TestClient server = await first.AcceptAsync();

            fixture.Resolver.Answers["a.example"] = new NameAnswer([second.Address.WithPort(0)], 0, null);
            clock.Advance(TimeSpan.FromSeconds(6));
            await TestPeers.UntilAsync(loop, () => state.Hosts.All[0].Address != first.Address);
            Assert.Same(host, Assert.Single(state.Hosts.All));
            Assert.Equal(second.Address.WithPort(first.Address.Port).ToString(), host.AddressText);
            await server.SendAsync("still there");
            byte[] buffer = new byte[11];
            IoResult read = await result.Connection!.Stream.ReceiveAsync(buffer);
            Assert.True(read.IsOk && read.Bytes > 0);
        });
    }

    [Fact]
    public void LogicalDns_OfTwoEndpoints_IsRefused() => LoopRunner.Run(loop =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"), NetAddress.Parse("10.0.0.2:1"));
        cluster.Type = Cluster.Types.DiscoveryType.LogicalDns;
        Assert.StartsWith("load_assignment.endpoints: a LOGICAL_DNS cluster", Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    private static ValueTask<UpstreamConnectResult> ConnectAsync(EventLoop loop, params NetAddress[] addresses) =>
        ConnectAsync(new TransportFixture(loop), addresses);

    private static ValueTask<UpstreamConnectResult> ConnectAsync(TransportFixture fixture, params NetAddress[] addresses)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", addresses[0]);
        foreach (NetAddress more in addresses[1..])
        {
            cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.AdditionalAddresses.Add(
                new Envoy.Config.Endpoint.V3.Endpoint.Types.AdditionalAddress { Address = TransportFixture.Socket(more) });
        }

        Assert.Empty(fixture.Apply(cluster));
        WorkerCluster worker = fixture.Workers.All[0].Cluster(fixture.Context.Clusters.Reference("c").Current!);
        return worker.ConnectAsync(worker.Pick(default).Host!, default);
    }
}
