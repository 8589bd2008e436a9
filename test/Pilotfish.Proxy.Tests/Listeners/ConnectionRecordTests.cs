using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>What the listener's record says of how an HTTP connection closed: who did it, why, and whether with a reset.</summary>
public sealed class ConnectionRecordTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    public static TheoryData<string, string> Closes => new()
    {
        { "the client closes", "- Normal" },
        { "the client resets", "- RemoteReset" },
        { "idle", "on_idle_timeout Normal" },
        { "last response", "deferred_close_on_drained_connection Normal" },
        { "bad request", "- Normal" },
        { "the client stays after a bad request", "triggered_delayed_close_timeout Normal" },
        { "HTTP/2 idle", "on_idle_timeout Normal" },
        { "HTTP/2 last response", "deferred_close_on_drained_connection Normal" },
        { "HTTP/2 the client resets", "- RemoteReset" },
        { "HTTP/2 no answer to a ping", "http2_ping_timeout Normal" },
    };

    [Theory]
    [MemberData(nameof(Closes))]
    public void Connection_Closes_ForAReason(string how, string expected)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new CauseBench(loop, clock);
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            bench.Http(
                manager: hcm =>
                {
                    hcm.AccessLog.Clear();
                    hcm.CommonHttpProtocolOptions = new HttpProtocolOptions
                    {
                        IdleTimeout = new Duration { Seconds = 60 },
                        MaxRequestsPerConnection = how.Contains("last", StringComparison.Ordinal) ? 1u : null,
                    };
                    hcm.DrainTimeout = new Duration { Seconds = 1 };
                    hcm.Http2ProtocolOptions = how.Contains("ping", StringComparison.Ordinal)
                        ? new Http2ProtocolOptions
                        {
                            ConnectionKeepalive = new KeepaliveSettings { Interval = new Duration { Seconds = 5 }, Timeout = new Duration { Seconds = 1 } },
                        }
                        : null;
                },
                listener: static listener => listener.AccessLog.Add(new AccessLog
                {
                    Name = "record", TypedConfig = CauseBench.Packed("%DOWNSTREAM_LOCAL_CLOSE_REASON% %DOWNSTREAM_DETECTED_CLOSE_TYPE%"),
                }));
            await CloseAsync(bench, how);
            await bench.UntilAsync(() => bench.Records.Count > 0);
            Assert.Equal([expected], bench.Records);
        });
    }

    private static async Task CloseAsync(CauseBench bench, string how)
    {
        TestClient client = await bench.ConnectAsync();
        if (how.StartsWith("HTTP/2", StringComparison.Ordinal))
        {
            var peer = new Http2Peer(client.Stream);
            await peer.StartClientAsync();
            await peer.GetAsync(1);
            await peer.ReadHeadersAsync();
        }
        else
        {
            // Only a client that is still sending is waited for.
            await client.SendAsync(how switch
            {
                "bad request" => "bad\r\n\r\n",
                "the client stays after a bad request" => "bad\r\n\r\nand more",
                _ => Get,
            });
            await client.ReadHeadAsync();
        }

        switch (how)
        {
            case "the client closes":
                client.Stream.Close();
                break;
            case "the client resets" or "HTTP/2 the client resets":
                client.Stream.Reset();
                break;
            case "bad request" or "last response":
                await client.ReadToEndAsync();
                client.Stream.Close();
                break;
            case "the client stays after a bad request":
                await client.ReadToEndAsync();
                await AdvanceAsync(bench, 1_100);
                break;
            case "HTTP/2 last response":
                await AdvanceAsync(bench, 1_100);
                break;
            case "HTTP/2 no answer to a ping":
                await AdvanceAsync(bench, 10_000);
                await AdvanceAsync(bench, 2_000);
                await AdvanceAsync(bench, 2_000);
                break;
            default:
                await AdvanceAsync(bench, 61_000);
                await AdvanceAsync(bench, 5_000);
                break;
        }
    }

    private static async Task AdvanceAsync(CauseBench bench, int milliseconds)
    {
        bench.Advance(milliseconds);
        await bench.Loop.YieldAsync();
        await bench.Loop.YieldAsync();
    }
}
