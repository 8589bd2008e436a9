using Envoy.Config.Accesslog.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using ProtoTcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Tests.Tcp;

/// <summary>When a TCP connection is logged: at its end, when its upstream is connected, and while it lives.</summary>
public sealed class TcpAccessLogTests
{
    [Fact]
    public void Connection_Default_IsLoggedAtItsEndOnly() => Serve(
        static _ => { }, TimeSpan.Zero, ["TcpConnectionEnd 5 5 -"]);

    [Fact]
    public void Connection_FlushOnConnected_IsLoggedThenToo() => Serve(
        static proxy => proxy.AccessLogOptions = new() { FlushAccessLogOnConnected = true },
        TimeSpan.Zero,
        ["TcpUpstreamConnected 0 0 -", "TcpConnectionEnd 5 5 -"]);

    [Fact]
    public void Connection_FlushOnStart_IsLoggedBeforeAnythingElse() => Serve(
        static proxy => proxy.AccessLogOptions = new() { FlushAccessLogOnStart = true, FlushAccessLogOnConnected = true },
        TimeSpan.Zero,
        ["TcpConnectionStart 0 0 -", "TcpUpstreamConnected 0 0 -", "TcpConnectionEnd 5 5 -"]);

    [Fact]
    public void Connection_DeprecatedFields_MeanTheSame() => Serve(
        static proxy =>
        {
            proxy.FlushAccessLogOnConnected = true;
            proxy.AccessLogFlushInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(10));
        },
        TimeSpan.FromSeconds(10),
        ["TcpUpstreamConnected 0 0 -", "TcpPeriodic 5 5 -", "TcpPeriodic 5 5 -", "TcpConnectionEnd 5 5 -"]);

    public static TheoryData<string, Action<ProtoTcpProxy>, string> Refused => new()
    {
        { "interval of 0", static proxy => proxy.AccessLogOptions = new() { AccessLogFlushInterval = new() }, "access_log_options.access_log_flush_interval" },
        { "interval of 1 ms less 1 ns", static proxy => proxy.AccessLogFlushInterval = new() { Nanos = 999_999 }, "access_log_flush_interval" },
        {
            "interval twice",
            static proxy => (proxy.AccessLogOptions, proxy.AccessLogFlushInterval) = (new(), new() { Seconds = 1 }),
            "access_log_flush_interval"
        },
        {
            "flag twice",
            static proxy => (proxy.AccessLogOptions, proxy.FlushAccessLogOnConnected) = (new(), true),
            "flush_access_log_on_connected"
        },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Options_OutOfRangeOrTwice_AreRefusedByField(string what, Action<ProtoTcpProxy> spoil, string field) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c"));
        var rejected = Assert.Single(fixture.Apply(Logged(spoil)));
        Assert.True(rejected.ToString()!.Contains($"typed_config.{field}: ", StringComparison.Ordinal), $"{what}: {rejected}");
        return Task.CompletedTask;
    });

    [Fact]
    public void Connection_FlushInterval_IsLoggedEachTimeWithItsBytesSoFar() => Serve(
        static proxy => proxy.AccessLogOptions = new() { AccessLogFlushInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)) },
        TimeSpan.FromSeconds(10),
        ["TcpPeriodic 5 5 -", "TcpPeriodic 5 5 -", "TcpConnectionEnd 5 5 -"]);

    [Fact]
    public void Connection_NoEndpoints_IsLoggedWithItsFlag() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c"));
        fixture.Apply(Logged(static _ => { }));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        Assert.True((await TestPeers.EndAsync(client)).IsEnd);
        await TestPeers.UntilAsync(loop, () => fixture.Records.Count > 0);
        Assert.Equal(["TcpConnectionEnd 0 0 UH"], fixture.Records);
    });

    private static void Serve(Action<ProtoTcpProxy> more, TimeSpan interval, string[] expected)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            ListenSocket echo = TestPeers.Echo(loop);
            fixture.Apply(TransportFixture.StaticCluster("c", echo.LocalAddress));
            fixture.Apply(Logged(more));
            SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
            await client.SendAsync("hello"u8.ToArray());
            Assert.Equal("hello", await TestPeers.ReceiveTextAsync(client, 5));
            for (int i = 1; interval > TimeSpan.Zero && i <= 2; i++)
            {
                clock.Advance(interval);
                await TestPeers.UntilAsync(loop, () => fixture.Records.Count(static record => record.StartsWith("TcpPeriodic", StringComparison.Ordinal)) == i);
            }

            client.ShutdownSend();
            Assert.True((await TestPeers.EndAsync(client)).IsEnd);
            await TestPeers.UntilAsync(loop, () => fixture.Records.Count == expected.Length);
            Assert.Equal(expected, fixture.Records);
        });
    }

    private static Listener Logged(Action<ProtoTcpProxy> more)
    {
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", proxy =>
        {
            proxy.AccessLog.Add(new AccessLog { Name = "record", TypedConfig = Any.Pack(new StringValue()) });
            more(proxy);
        });
        return listener;
    }
}
