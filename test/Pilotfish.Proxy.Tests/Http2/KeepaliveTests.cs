using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

public sealed class KeepaliveTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ping_EachInterval_EndsConnectionsThatDoNotAnswer(bool answers)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend");
            bench.Serve(static hcm => hcm.Http2ProtocolOptions = new Http2ProtocolOptions
            {
                ConnectionKeepalive = new KeepaliveSettings
                {
                    Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)),
                    Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
                    IntervalJitter = new Envoy.Type.V3.Percent(),
                },
            });
            var client = new Http2Peer(bench.Connect().Stream);
            await client.StartClientAsync();
            await client.GetAsync(1);
            await client.ReadHeadersAsync();
            clock.Advance(TimeSpan.FromMilliseconds(10_001));
            byte[] opaque = (await client.ReadAsync(FrameType.PING)).Payload;
            if (answers)
            {
                await client.SendAsync(FrameType.PING, FrameFlags.ACK, 0, opaque);
                await loop.YieldAsync();
                await loop.YieldAsync();
            }

            clock.Advance(TimeSpan.FromMilliseconds(2_001));
            if (answers)
            {
                await client.GetAsync(3);
                Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
                Assert.Equal(0, bench.Counter("http2.keepalive_timeout"));
                return;
            }

            await client.ReadToEndAsync();
            Assert.Equal(1, bench.Counter("http2.keepalive_timeout"));
        });
    }

    /// <summary>connection_idle_interval: towards an upstream that was silent for so long, a PING goes ahead of the next request.</summary>
    [Theory]
    [InlineData(4, false, false)]
    [InlineData(6, true, true)]
    [InlineData(6, true, false)]
    public void Request_AfterASilence_AsksWhetherAnybodyIsThere(int seconds, bool asks, bool answers)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddHttpCluster(
                "backend",
                new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
                {
                    ExplicitHttpConfig = new()
                    {
                        Http2ProtocolOptions = new Http2ProtocolOptions
                        {
                            ConnectionKeepalive = new KeepaliveSettings
                            {
                                ConnectionIdleInterval = new Duration { Seconds = 5 }, Timeout = new Duration { Seconds = 2 },
                            },
                        },
                    },
                },
                upstream.Address);
            bench.Serve();
            TestClient client = bench.Connect();
            await client.SendAsync("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
            var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
            await server.StartServerAsync();
            await server.ReadHeadersAsync();
            await server.HeadersAsync(1, end: true, (":status", "204"));
            await client.ReadHeadAsync();
            clock.Advance(TimeSpan.FromSeconds(seconds));
            await client.SendAsync("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
            if (!asks)
            {
                await server.ReadHeadersAsync();
                await server.HeadersAsync(3, end: true, (":status", "204"));
                Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
                return;
            }

            byte[] opaque = (await server.ReadAsync(FrameType.PING)).Payload;
            await server.ReadHeadersAsync();
            if (answers)
            {
                await server.SendAsync(FrameType.PING, FrameFlags.ACK, 0, opaque);
                await server.HeadersAsync(3, end: true, (":status", "204"));
                Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
                clock.Advance(TimeSpan.FromSeconds(3));
                Assert.Equal(0, bench.Counter("cluster.backend.http2.keepalive_timeout"));
                return;
            }

            clock.Advance(TimeSpan.FromSeconds(2.1));
            Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
            Assert.Equal(1, bench.Counter("cluster.backend.http2.keepalive_timeout"));
        });
    }

    [Fact]
    public void Timeout_Missing_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        Config.ConfigRejectedException e = Assert.Throws<Config.ConfigRejectedException>(() => bench.Serve(
            static hcm => hcm.Http2ProtocolOptions = new Http2ProtocolOptions { ConnectionKeepalive = new KeepaliveSettings { Interval = new Duration { Seconds = 1 } } }));
        Assert.Equal("http2_protocol_options.connection_keepalive.timeout", e.Field);
        return Task.CompletedTask;
    });
}
