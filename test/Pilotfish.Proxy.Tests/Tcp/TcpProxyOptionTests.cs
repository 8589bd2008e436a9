using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tcp;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tcp;

public sealed class TcpProxyOptionTests
{
    [Theory]
    [InlineData(1000, 0, 0.9, 1000)]
    [InlineData(1000, 50, 0, 1000)]
    [InlineData(1000, 50, 0.5, 1250)]
    [InlineData(1000, 100, 0.999, 1999)]
    public void Duration_GrowsByARandomPartOfItsJitter(long most, double percent, double random, long expected) =>
        Assert.Equal(expected, new TcpProxy([]) { Stats = null!, AccessLogs = null!, DurationMaxMilliseconds = most, DurationJitterPercent = percent }.Duration(random));

    [Fact]
    public void Duration_Reached_ClosesTheConnection_ThoughBytesFlow()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
            Envoy.Config.Listener.V3.Listener listener = TransportFixture.TcpListener("l", "c");
            listener.FilterChains[0].Filters[0] = TransportFixture.Tcp(
                "c", static tcp => tcp.MaxDownstreamConnectionDuration = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)));
            Assert.Empty(fixture.Apply(listener));
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            for (int second = 0; second < 2; second++)
            {
                await client.SendAsync("x"u8.ToArray());
                Assert.Equal("x", await TestPeers.ReceiveTextAsync(client, 1));
                clock.Advance(TimeSpan.FromSeconds(1.4));
            }

            clock.Advance(TimeSpan.FromSeconds(0.3));
            Assert.False((await TestPeers.EndAsync(client)).Bytes > 0);
            Assert.Equal(1, fixture.Counter("tcp.t.max_downstream_connection_duration"));
            client.Close();
        });
    }

    [Fact]
    public void Attempts_WithBackOff_AreAllMade() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket closed = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress nobody = closed.LocalAddress;
        closed.Close();
        Assert.Empty(fixture.Apply(TransportFixture.StaticCluster("c", nobody)));
        Envoy.Config.Listener.V3.Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", static tcp =>
        {
            tcp.MaxConnectAttempts = 3;
            tcp.BackoffOptions = new BackoffStrategy { BaseInterval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(1)) };
        });
        Assert.Empty(fixture.Apply(listener));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));

        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        Assert.Equal(3, fixture.Counter("cluster.c.upstream_cx_connect_fail"));
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_connect_attempts_exceeded"));
    });

    [Theory]
    [InlineData(0, null, "base_interval: it must be at least 1 ms")]
    [InlineData(100, 50, "max_interval: it is shorter than base_interval")]
    public void BackOff_OutOfRange_IsRefusedByField(int least, int? most, string problem) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Envoy.Config.Listener.V3.Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", tcp => tcp.BackoffOptions = new BackoffStrategy
        {
            BaseInterval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(least)),
            MaxInterval = most is { } value ? Duration.FromTimeSpan(TimeSpan.FromMilliseconds(value)) : null,
        });

        Assert.Contains($"filter_chains[0].filters[0].typed_config.backoff_options.{problem}", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });
}
