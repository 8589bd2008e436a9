using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.ConnectionLimit.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using DirectResponse = Envoy.Extensions.Filters.Network.DirectResponse.V3.Config;
using Filter = Envoy.Config.Listener.V3.Filter;

namespace Pilotfish.Proxy.Tests.Filters.Network;

/// <summary>Network filters that know no protocol: connection_limit, echo, direct_response.</summary>
public sealed class SmallNetworkFilterTests
{
    [Fact]
    public void ConnectionLimit_ClosesThoseAboveIt_UntilOneEnds() => LoopRunner.Run(async loop =>
    {
        TransportFixture fixture = Limited(loop, new ConnectionLimit { StatPrefix = "p", MaxConnections = 2 });
        NetAddress address = fixture.AddressOf("l");
        SocketStream one = await EchoedAsync(loop, address);
        SocketStream two = await EchoedAsync(loop, address);
        SocketStream three = await TestPeers.ConnectAsync(loop, address);
        Assert.False((await TestPeers.EndAsync(three)).Bytes > 0);
        Assert.Equal(1, fixture.Counter("connection_limit.p.limited_connections"));
        Assert.Equal(2, fixture.Gauge("connection_limit.p.active_connections"));

        one.Close();
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("connection_limit.p.active_connections") == 1);
        SocketStream four = await EchoedAsync(loop, address);
        Assert.Equal(1, fixture.Counter("connection_limit.p.limited_connections"));
        foreach (SocketStream stream in new[] { two, three, four })
        {
            stream.Close();
        }
    });

    [Fact]
    public void ConnectionLimit_WithADelay_ClosesLater_AndCountsUntilThen()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            TransportFixture fixture = Limited(
                loop, new ConnectionLimit { StatPrefix = "p", MaxConnections = 1, Delay = new Duration { Seconds = 3 } });
            SocketStream held = await EchoedAsync(loop, fixture.AddressOf("l"));
            SocketStream refused = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await refused.SendAsync("not yet"u8.ToArray());
            await TestPeers.UntilAsync(loop, () => fixture.Counter("connection_limit.p.limited_connections") == 1);
            Assert.Equal(2, fixture.Gauge("connection_limit.p.active_connections"));
            ValueTask<IoResult> end = refused.ReceiveAsync(new byte[1]);
            await loop.YieldAsync();
            Assert.False(end.IsCompleted);

            clock.Advance(TimeSpan.FromSeconds(3.1));
            Assert.False((await end).Bytes > 0);
            Assert.Equal(1, fixture.Gauge("connection_limit.p.active_connections"));
            held.Close();
            refused.Close();
        });
    }

    [Fact]
    public void ConnectionLimit_SwitchedOff_CountsNothing() => LoopRunner.Run(async loop =>
    {
        TransportFixture fixture = Limited(loop, new ConnectionLimit
        {
            StatPrefix = "p", MaxConnections = 1, RuntimeEnabled = new RuntimeFeatureFlag { DefaultValue = false, RuntimeKey = "limit" },
        });
        SocketStream one = await EchoedAsync(loop, fixture.AddressOf("l"));
        SocketStream two = await EchoedAsync(loop, fixture.AddressOf("l"));
        Assert.Equal(0, fixture.Gauge("connection_limit.p.active_connections"));
        one.Close();
        two.Close();
    });

    [Theory]
    [InlineData("", 1ul, "stat_prefix")]
    [InlineData("p", 0ul, "max_connections")]
    [InlineData("p", null, "max_connections")]
    public void ConnectionLimit_Wrong_IsRefusedByField(string prefix, ulong? most, string field) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = Listening(new ConnectionLimit { StatPrefix = prefix, MaxConnections = most }, new Envoy.Extensions.Filters.Network.Echo.V3.Echo());
        Assert.Contains($"filters[0].typed_config.{field}", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void LocalRateLimit_ClosesWhatComesTooSoon_AndSharesBucketsOfOneKey()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            var limit = new Envoy.Extensions.Filters.Network.LocalRatelimit.V3.LocalRateLimit { StatPrefix = "p", TokenBucket = Bucket(2), ShareKey = "k" };
            Assert.Empty(fixture.Apply(Listening(limit, new Envoy.Extensions.Filters.Network.Echo.V3.Echo())));
            Listener other = Listening(limit, new Envoy.Extensions.Filters.Network.Echo.V3.Echo());
            other.Name = "other";
            Assert.Empty(fixture.Apply(other));
            (await EchoedAsync(loop, fixture.AddressOf("l"))).Close();
            (await EchoedAsync(loop, fixture.AddressOf("other"))).Close();
            SocketStream refused = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            Assert.False((await TestPeers.EndAsync(refused)).Bytes > 0);
            refused.Close();
            Assert.Equal(1, fixture.Counter("local_rate_limit.p.rate_limited"));

            clock.Advance(TimeSpan.FromSeconds(10));
            (await EchoedAsync(loop, fixture.AddressOf("other"))).Close();
            Assert.Equal(1, fixture.Counter("local_rate_limit.p.rate_limited"));
        });
    }

    [Fact]
    public void ListenersLocalRateLimit_ClosesBeforeAnyChain() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = Listening(new Envoy.Extensions.Filters.Network.Echo.V3.Echo());
        listener.ListenerFilters.Add(new Envoy.Config.Listener.V3.ListenerFilter
        {
            Name = "rate",
            TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Listener.LocalRatelimit.V3.LocalRateLimit { StatPrefix = "p", TokenBucket = Bucket(1) }),
        });
        Assert.Empty(fixture.Apply(listener));
        (await EchoedAsync(loop, fixture.AddressOf("l"))).Close();
        SocketStream refused = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.False((await TestPeers.EndAsync(refused)).Bytes > 0);
        refused.Close();
        Assert.Equal(1, fixture.Counter("listener_local_ratelimit.p.rate_limited"));
        Assert.Equal(1, fixture.Counter("listener.l.downstream_cx_total"));
    });

    [Theory]
    [InlineData("", 1u, "stat_prefix")]
    [InlineData("p", 0u, "token_bucket.max_tokens")]
    [InlineData("p", null, "token_bucket: it is missing")]
    public void LocalRateLimit_Wrong_IsRefusedByField(string prefix, uint? tokens, string field) => LoopRunner.Run(loop =>
    {
        Listener listener = Listening(
            new Envoy.Extensions.Filters.Network.LocalRatelimit.V3.LocalRateLimit { StatPrefix = prefix, TokenBucket = tokens is { } most ? Bucket(most) : null },
            new Envoy.Extensions.Filters.Network.Echo.V3.Echo());
        Assert.Contains(
            $"filters[0].typed_config.{field}", Assert.Single(new TransportFixture(loop).Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Echo_SendsEverythingBack_AndItsEnd() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(Listening(new Envoy.Extensions.Filters.Network.Echo.V3.Echo())));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));

        // More than any buffer on the way holds: the client reads while it sends.
        byte[] sent = new byte[3_000_000];
        new Random(5).NextBytes(sent);
        Task sending = SendAllAsync(client, sent);
        var received = new List<byte>();
        byte[] buffer = new byte[100_000];
        while (await client.ReceiveAsync(buffer) is { IsOk: true, IsEnd: false } result)
        {
            received.AddRange(buffer.AsSpan(0, result.Bytes));
        }

        await sending;
        Assert.Equal(sent, received);
        client.Close();
    });

    [Theory]
    [InlineData("go away\n")]
    [InlineData("")]
    public void DirectResponse_AnswersAndCloses_WhateverTheClientSays(string response) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(Listening(new DirectResponse { Response = new DataSource { InlineString = response } })));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("anybody there?"u8.ToArray());
        Assert.Equal(response, await TestPeers.ReceiveTextAsync(client, response.Length));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        client.Close();
    });

    [Fact]
    public void DirectResponse_ClientThatSaysNoEnd_IsClosedAfterASecond()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            Assert.Empty(fixture.Apply(Listening(new DirectResponse { Response = new DataSource { InlineString = "x" } })));
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            Assert.Equal("x", await TestPeers.ReceiveTextAsync(client, 1));
            Assert.Equal(1, fixture.Gauge("listener.l.downstream_cx_active"));
            clock.Advance(TimeSpan.FromSeconds(1.1));
            await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.l.downstream_cx_active") == 0);
            client.Close();
        });
    }

    private static Envoy.Type.V3.TokenBucket Bucket(uint tokens) => new() { MaxTokens = tokens, FillInterval = new Duration { Seconds = 10 } };

    private static async Task SendAllAsync(SocketStream client, byte[] bytes)
    {
        Assert.True((await client.SendAsync(bytes)).IsOk);
        client.ShutdownSend();
    }

    private static async Task<SocketStream> EchoedAsync(EventLoop loop, NetAddress address)
    {
        SocketStream client = await TestPeers.ConnectAsync(loop, address);
        await client.SendAsync("hi"u8.ToArray());
        Assert.Equal("hi", await TestPeers.ReceiveTextAsync(client, 2));
        return client;
    }

    private static TransportFixture Limited(EventLoop loop, ConnectionLimit limit)
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(Listening(limit, new Envoy.Extensions.Filters.Network.Echo.V3.Echo())));
        return fixture;
    }

    private static Listener Listening(params IMessage[] filters)
    {
        Listener listener = TransportFixture.TcpListener("l", "none");
        listener.StatPrefix = "l";
        listener.FilterChains[0].Filters.Clear();
        listener.FilterChains[0].Filters.Add(filters.Select(static filter => new Filter { Name = filter.Descriptor.Name, TypedConfig = Any.Pack(filter) }));
        return listener;
    }
}
