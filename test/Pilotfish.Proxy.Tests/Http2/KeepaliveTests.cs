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
}
