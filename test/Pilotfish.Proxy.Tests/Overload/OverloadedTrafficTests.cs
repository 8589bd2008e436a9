using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>What clients notice of each action and load-shed point.</summary>
public sealed class OverloadedTrafficTests
{
    private const string LastRequest = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    [Fact]
    public void StopAcceptingRequests_AnswersEnvoyOverloaded() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        overload.StopAcceptingRequests.Set(1);
        string answer = await AskAsync(loop, fixture.AddressOf("l"));
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.EndsWith("envoy overloaded", answer, StringComparison.Ordinal);
        Assert.Equal(1, fixture.Counter("http.h.downstream_rq_overload_close"));
        overload.StopAcceptingRequests.Set(0);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(loop, fixture.AddressOf("l")), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("decode_headers")]
    [InlineData("filter_check")]
    public void LoadShedPoints_OfTheConnectionManager_AnswerEnvoyOverloaded(string point) => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        LoadShedPoint shed = point == "filter_check" ? overload.HttpDownstreamFilterCheck : overload.HcmDecodeHeaders;
        shed.Count(fixture.Stats.Scope("overload.x").Counter("shed_load_count"));
        shed.Level.Set(1);
        Assert.StartsWith("HTTP/1.1 503", await AskAsync(loop, fixture.AddressOf("l")), StringComparison.Ordinal);
        Assert.Equal(1, fixture.Stats.Value(fixture.Stats.Scope("overload.x").Counter("shed_load_count")));
    });

    [Theory]
    [InlineData("abort_dispatch")]
    [InlineData("creating_codec")]
    public void LoadShedPoints_BeforeARequest_CloseTheConnection(string point) => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        (point == "abort_dispatch" ? overload.Http1ServerAbortDispatch : overload.HcmCodecCreation).Level.Set(1);
        Assert.Equal("", await AskAsync(loop, fixture.AddressOf("l")));
        await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.l.downstream_cx_active") == 0);
    });

    [Fact]
    public void DisableHttpKeepAlive_ClosesAfterTheResponse() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        overload.DisableHttpKeepAlive.Set(1);
        Assert.Contains("connection: close", await AskAsync(loop, fixture.AddressOf("l"), "GET / HTTP/1.1\r\nhost: a\r\n\r\n"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, fixture.Counter("http.h.downstream_cx_overload_disable_keepalive"));
    });

    [Fact]
    public void RejectIncomingConnections_ClosesThemAtOnce() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        overload.RejectIncomingConnections.Set(1);
        Assert.Equal("", await AskAsync(loop, fixture.AddressOf("l")));
        Assert.Equal(1, fixture.Counter("listener.l.downstream_cx_overload_reject"));
        Assert.Equal(0, fixture.Counter("listener.l.downstream_cx_total"));
    });

    [Fact]
    public void TcpListenerAccept_ClosesThemAtOnceAndCounts() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState overload) = Http(loop);
        Counter count = fixture.Stats.Scope("overload.x").Counter("shed_load_count");
        overload.TcpListenerAccept.Count(count);
        overload.TcpListenerAccept.Level.Set(1);
        Assert.Equal("", await AskAsync(loop, fixture.AddressOf("l")));
        Assert.Equal(1, fixture.Stats.Value(count));
        Assert.Equal(1, fixture.Counter("listener.l.downstream_cx_overload_reject"));
        Assert.Equal(0, fixture.Counter("listener.l.downstream_cx_total"));
    });

    [Fact]
    public void StopAcceptingConnections_LeavesClientsInTheBacklogUntilItIsOver()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (TransportFixture fixture, OverloadState overload) = Http(loop);
            SocketStream earlier = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await TestPeers.UntilAsync(loop, () => fixture.Counter("listener.l.downstream_cx_total") == 1);
            overload.StopAcceptingConnections.Set(1);

            // The accept that was under way takes one more.
            SocketStream first = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await TestPeers.UntilAsync(loop, () => fixture.Counter("listener.l.downstream_cx_total") == 2);
            SocketStream second = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            for (int i = 0; i < 20; i++)
            {
                clock.AdvanceMilliseconds(50);
                await loop.YieldAsync();
            }

            Assert.Equal(2, fixture.Counter("listener.l.downstream_cx_total"));
            overload.StopAcceptingConnections.Set(0);
            clock.AdvanceMilliseconds(150);
            await TestPeers.UntilAsync(loop, () => fixture.Counter("listener.l.downstream_cx_total") == 3);
            earlier.Close();
            first.Close();
            second.Close();
        });
    }

    [Fact]
    public void CloseIdleHttpConnections_SparesThoseWithARequest() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, OverloadState _) = Http(loop);
        SocketStream idle = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        SocketStream busy = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await busy.SendAsync("GET / HTTP/1.1\r\nho"u8.ToArray());
        await TestPeers.UntilAsync(loop, () => fixture.Counter("http.h.downstream_cx_rx_bytes_total") > 0
            && fixture.Gauge("listener.l.downstream_cx_active") == 2);
        fixture.Listeners.CloseIdleHttpConnections();
        Assert.Equal("", await TestPeers.ReceiveTextAsync(idle, 1));
        await busy.SendAsync("st: a\r\n\r\n"u8.ToArray());
        Assert.Equal("HTTP/1.1 200", await TestPeers.ReceiveTextAsync(busy, 12));
        busy.Close();
    });

    [Fact]
    public void ReduceTimeouts_IdleConnections_EndSoonerAndTheBypassingListenersDoNot()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (TransportFixture fixture, OverloadState overload) = Http(loop);
            overload.SetTimer(ScaledTimerType.HttpDownstreamConnectionIdle, new TimerScale(2000, 0));
            Listener bypassing = Listening("b");
            bypassing.BypassOverloadManager = true;
            Assert.Empty(fixture.Apply(bypassing));
            SocketStream idle = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            SocketStream spared = await TestPeers.ConnectAsync(loop, fixture.AddressOf("b"));
            await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.l.downstream_cx_active") == 1
                && fixture.Gauge("listener.b.downstream_cx_active") == 1);
            overload.ReduceTimeouts.Set(1);
            for (int i = 0; i < 20; i++)
            {
                clock.AdvanceMilliseconds(250);
                await loop.YieldAsync();
            }

            await TestPeers.UntilAsync(loop, () => fixture.Gauge("listener.l.downstream_cx_active") == 0);
            Assert.Equal(1, fixture.Gauge("listener.b.downstream_cx_active"));
            idle.Close();
            spared.Close();
        });
    }

    [Fact]
    public void ConnectionPoolNewConnection_IsRefusedAsOverflow() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Echo(loop).LocalAddress));
        fixture.Apply(TransportFixture.TcpListener("l", "c"));
        fixture.Context.Overload.ConnectionPoolNewConnection.Level.Set(1);
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.Equal("", await TestPeers.ReceiveTextAsync(client, 1));
        Assert.Equal(1, fixture.Counter("cluster.c.upstream_cx_overflow"));
        Assert.Equal(0, fixture.Counter("cluster.c.upstream_cx_total"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ResetHighMemoryStream_ReachesTheStreamsOfListenersThatHeedIt(bool bypasses) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = Listening("l", new string('x', 100_000));
        listener.BypassOverloadManager = bypasses;
        Assert.Empty(fixture.Apply(listener));
        var client = new Http2Peer(await TestPeers.ConnectAsync(loop, fixture.AddressOf("l")));
        await client.StartClientAsync();
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 0));
        await client.GetAsync(1);
        await client.ReadHeadersAsync();

        // The request is over; what its client does not take is what counts.
        await TestPeers.UntilAsync(loop, () => fixture.Counter("http.h.downstream_rq_completed") == 1);
        Counter count = fixture.Stats.Scope("envoy.overload_actions.reset_high_memory_stream").Counter("count");
        fixture.Listeners.ResetHighMemoryStreams(new HighMemoryReset(15, 1, count));
        if (bypasses)
        {
            await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number(10));
            Assert.Equal("xxxxxxxxxx", await client.ReadBodyAsync(10));
            Assert.Equal(0, fixture.Stats.Value(count));
            return;
        }

        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        Assert.Equal(1, fixture.Stats.Value(count));
    });

    private static (TransportFixture Fixture, OverloadState Overload) Http(EventLoop loop)
    {
        var fixture = new TransportFixture(loop);
        Assert.Empty(fixture.Apply(Listening("l")));
        return (fixture, fixture.Context.Overload);
    }

    private static Listener Listening(string name, string body = "")
    {
        var manager = new HttpConnectionManager
        {
            StatPrefix = "h",
            RouteConfig = new RouteConfiguration
            {
                MaxDirectResponseBodySizeBytes = 1 << 20,
                VirtualHosts =
                {
                    new VirtualHost
                    {
                        Name = "all",
                        Domains = { "*" },
                        Routes =
                        {
                            new Route
                            {
                                Match = new RouteMatch { Prefix = "/" },
                                DirectResponse = new DirectResponseAction
                                {
                                    Status = 200, Body = body.Length == 0 ? null : new DataSource { InlineString = body },
                                },
                            },
                        },
                    },
                },
            },
            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = Any.Pack(new Router()) } },
        };
        return new Listener
        {
            Name = name,
            StatPrefix = name,
            Address = TransportFixture.Socket(NetAddress.Loopback(0)),
            FilterChains =
            {
                new FilterChain
                {
                    Filters =
                    {
                        new Envoy.Config.Listener.V3.Filter
                        {
                            Name = "envoy.filters.network.http_connection_manager", TypedConfig = Any.Pack(manager),
                        },
                    },
                },
            },
        };
    }

    /// <summary>One request on a connection of its own; what came until the response was whole or the connection ended.</summary>
    private static async Task<string> AskAsync(EventLoop loop, NetAddress address, string request = LastRequest)
    {
        SocketStream client = await TestPeers.ConnectAsync(loop, address);
        await client.SendAsync(Encoding.ASCII.GetBytes(request));
        var answer = new StringBuilder();
        string part;
        while ((part = await TestPeers.ReceiveTextAsync(client, 512)).Length > 0)
        {
            answer.Append(part);
        }

        client.Close();
        return answer.ToString();
    }
}
