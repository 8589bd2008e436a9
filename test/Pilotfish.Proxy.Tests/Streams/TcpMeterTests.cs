using Envoy.Config.Accesslog.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Streams;

/// <summary>A TCP proxy's meters: every byte, the same on both sides, and no headers.</summary>
public sealed class TcpMeterTests
{
    [Fact]
    public void Connection_CountsItsBytesOnBothSides()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new CauseBench(loop, clock);
            ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
            TestPeers.Serve(listener, static async stream =>
            {
                var server = new TestClient(stream);
                await server.ReadBytesAsync(5);
                await server.SendAsync("answer!");
                await server.ReadToEndAsync();
                stream.Close();
            });
            bench.Cluster(null, listener.LocalAddress);
            bench.Tcp(static proxy =>
            {
                proxy.AccessLog.Clear();
                proxy.AccessLog.Add(new AccessLog
                {
                    Name = "record",
                    TypedConfig = CauseBench.Packed(
                        "%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT% "
                        + "%DOWNSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT%"),
                });
            });
            TestClient client = await bench.SendAsync("hello");
            Assert.Equal("answer!", await client.ReadBytesAsync(7));
            client.Stream.ShutdownSend();
            await client.ReadToEndAsync();
            await bench.UntilAsync(() => bench.Records.Count > 0);
            Assert.Equal(["5 7 7 5 0 0"], bench.Records);
        });
    }
}
