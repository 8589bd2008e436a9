using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class WallClockTests
{
    [Theory]
    [InlineData(1000)]
    [InlineData(-4000)]
    public void WallClockJumps_NeitherTimeoutsNorRequestsNotice(int days)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: static route => route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)));
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            clock.JumpWall(TimeSpan.FromDays(days));
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromMilliseconds(1900));
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            Assert.StartsWith("HTTP/1.1 200 OK\r\n", await client.ReadHeadAsync());
            Assert.Equal("ok", await client.ReadBytesAsync(2));
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await server.ReadHeadAsync();
            clock.JumpWall(TimeSpan.FromDays(-days));
            clock.Advance(TimeSpan.FromMilliseconds(2001));
            Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
        });
    }
}
