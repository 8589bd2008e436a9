using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Service.Accesslog.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>Records to a scripted access log service.</summary>
public sealed class AccessLogStreamTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1.1);

    [Fact]
    public void Records_AreBatched_AndOnlyTheFirstMessageTellsWhoSends()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.Http();
            bench.Log(logger, "a");
            bench.Log(logger, "b");
            await loop.YieldAsync();
            clock.Advance(s_second);
            CollectorPeer collector = await bench.AcceptAsync();
            Dictionary<string, string> head = await collector.ReadHeadAsync();
            Assert.Equal(
                ("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs", "logs"), (head[":path"], head[":authority"]));
            StreamAccessLogsMessage first = await collector.ReadLogsAsync();
            Assert.Equal("log", first.Identifier.LogName);
            Assert.Equal(["a", "b"], Routes(first));
            bench.Log(logger, "c");
            clock.Advance(s_second);
            StreamAccessLogsMessage second = await collector.ReadLogsAsync();
            Assert.Null(second.Identifier);
            Assert.Equal(["c"], Routes(second));
            Assert.Equal((3, 0), (bench.Written(), bench.Dropped()));
        });
    }

    [Fact]
    public void TcpLogger_SendsTcpEntries() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        bench.Log(bench.Tcp(CollectorBench.Common(bufferBytes: 0)), "t");
        CollectorPeer collector = await bench.AcceptAsync();
        StreamAccessLogsMessage message = await collector.ReadLogsAsync();
        Assert.Equal("t", Assert.Single(message.TcpLogs.LogEntry).CommonProperties.RouteName);
    });

    [Fact]
    public void BatchThatIsLargeEnough_LeavesAtOnce() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.Http(CollectorBench.Common(bufferBytes: 2000));
        for (int i = 0; i < 20; i++)
        {
            bench.Log(logger);
        }

        StreamAccessLogsMessage message = await (await bench.AcceptAsync()).ReadLogsAsync();
        Assert.InRange(message.HttpLogs.CalculateSize(), 2000, 20_000);
    });

    [Fact]
    public void CollectorThatTakesNothing_HoldsABoundedBuffer_AndTheRestIsDroppedAndCounted() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.Http(CollectorBench.Common(bufferBytes: 100));
        bench.Log(logger);

        // The window stays shut after the first 64 KiB.
        CollectorPeer collector = await bench.AcceptAsync();
        await collector.ReadHeadAsync();
        for (int i = 0; i < 20_000; i++)
        {
            bench.Log(logger, "route of a hundred bytes " + new string('x', 75));
            if (i % 100 == 0)
            {
                await loop.YieldAsync();
            }
        }

        long written = bench.Written();
        Assert.Equal(20_001, written + bench.Dropped());
        Assert.InRange(bench.Dropped(), 1000, 20_000);
        // When it takes records again, it gets each that was written, and later ones are no more dropped.
        long received = 0;
        long bytes = 0;
        while (received < written)
        {
            StreamAccessLogsMessage message = await collector.ReadLogsAsync();
            received += message.HttpLogs.LogEntry.Count;
            bytes += message.HttpLogs.CalculateSize();
        }

        Assert.InRange(bytes, CollectorOptions.PendingBytesMin, CollectorOptions.PendingBytesMin + 500_000);

        long dropped = bench.Dropped();
        bench.Log(logger, "after");
        Assert.Equal((written + 1, dropped), (bench.Written(), bench.Dropped()));
    });

    [Fact]
    public void Collector_ThatComesLate_GetsWhatWasKept()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.Http();
            NetAddress address = bench.Async.Address;
            Http.ProxyBench.SetHosts(bench.Async.State);
            for (int i = 0; i < 10; i++)
            {
                bench.Log(logger, $"{i}");
                clock.Advance(s_second);
                await loop.YieldAsync();
            }

            Assert.Equal(0, bench.Dropped());
            Http.ProxyBench.SetHosts(bench.Async.State, address);
            clock.Advance(TimeSpan.FromSeconds(6));
            CollectorPeer collector = await bench.AcceptAsync();
            StreamAccessLogsMessage message = await collector.ReadLogsAsync();
            Assert.Equal("log", message.Identifier.LogName);
            Assert.Equal(10, message.HttpLogs.LogEntry.Count);
        });
    }

    [Fact]
    public void BrokenStream_IsOpenedAnew_AfterABackOff_WithTheIdentifier()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.Http(CollectorBench.Common(bufferBytes: 0));
            bench.Log(logger, "a");
            CollectorPeer collector = await bench.AcceptAsync();
            await collector.ReadHeadAsync();
            await collector.ReadLogsAsync();
            await collector.Peer.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", "14"));
            await collector.Peer.ReadResetAsync();
            bench.Log(logger, "b");
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(3, (await collector.Peer.ReadHeadersAsync()).Id);
            StreamAccessLogsMessage message = await collector.ReadLogsAsync();
            Assert.NotNull(message.Identifier);
            Assert.Equal(["b"], Routes(message));
        });
    }

    [Fact]
    public void UnknownCluster_CostsNothingButTheBuffer()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            CommonGrpcAccessLogConfig config = CollectorBench.Common();
            config.GrpcService.EnvoyGrpc.ClusterName = "absent";
            AccessLogger logger = bench.Http(config);
            for (int i = 0; i < 5000; i++)
            {
                bench.Log(logger);
                clock.Advance(TimeSpan.FromMilliseconds(50));
                await loop.YieldAsync();
            }

            Assert.Equal(5000, bench.Written() + bench.Dropped());
            Assert.InRange(bench.Dropped(), 1, 5000);
        });
    }

    [Fact]
    public void LoggersOfOneConfig_ShareAStream_AndAPushKeepsIt() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger first = bench.Http(CollectorBench.Common(bufferBytes: 0));
        bench.Log(first, "a");
        CollectorPeer collector = await bench.AcceptAsync();
        await collector.ReadLogsAsync();
        bench.Log(bench.Http(CollectorBench.Common(bufferBytes: 0)), "b");
        StreamAccessLogsMessage message = await collector.ReadLogsAsync();
        Assert.Equal(1, collector.StreamId);
        Assert.Null(message.Identifier);
        Assert.Equal(["b"], Routes(message));
    });

    [Fact]
    public void StreamOfAConfigThatIsGone_IsEnded()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            LogOnce(bench);
            CollectorPeer collector = await bench.AcceptAsync();
            await collector.ReadLogsAsync();
            clock.Advance(TimeSpan.FromSeconds(61));
            await loop.YieldAsync();
            bench.DropLoggers();
            clock.Advance(TimeSpan.FromSeconds(61));
            Assert.True((await collector.Peer.ReadAsync(FrameType.DATA)).Header.Has(FrameFlags.END_STREAM));

            // A service that does not end it by itself is not waited for either.
            clock.Advance(TimeSpan.FromSeconds(61));
            Assert.Equal(Http2ErrorCode.CANCEL, await collector.Peer.ReadResetAsync());
            bench.Async.AssertIdle();
        });
    }

    // Apart, so that no local of the test keeps the logger.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void LogOnce(CollectorBench bench) => bench.Log(bench.Http(CollectorBench.Common(bufferBytes: 0)));

    [Fact]
    public void Close_SendsWhatIsLeft_AndEndsTheStream() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.Http();
        bench.Log(logger, "last");
        int closed = 0;
        bench.Close(() => closed++);
        CollectorPeer collector = await bench.AcceptAsync();
        Assert.Equal(["last"], Routes(await collector.ReadLogsAsync()));
        Assert.True((await collector.Peer.ReadAsync(FrameType.DATA)).Header.Has(FrameFlags.END_STREAM));
        Assert.Equal(0, closed);
        await collector.Peer.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", "0"));
        await bench.Async.UntilAsync(() => closed == 1);
    });

    [Fact]
    public void Close_OfAnUnreachableCollector_GivesUpAtOnce() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.Http();
        Http.ProxyBench.SetHosts(bench.Async.State);
        bench.Log(logger);
        int closed = 0;
        bench.Close(() => closed++);
        await bench.Async.UntilAsync(() => closed == 1);
        Assert.Equal(1, bench.Dropped());
    });

    public static TheoryData<string, CommonGrpcAccessLogConfig?> BadConfigs => new()
    {
        { "typed_config.common_config", null },
        { "typed_config.common_config.log_name", new CommonGrpcAccessLogConfig() },
        { "typed_config.common_config.grpc_service", new CommonGrpcAccessLogConfig { LogName = "l" } },
        {
            "typed_config.common_config.grpc_service",
            new CommonGrpcAccessLogConfig { LogName = "l", GrpcService = new GrpcService { GoogleGrpc = new() } }
        },
        {
            "typed_config.common_config.grpc_service.envoy_grpc.cluster_name",
            new CommonGrpcAccessLogConfig { LogName = "l", GrpcService = new GrpcService { EnvoyGrpc = new() } }
        },
        {
            "typed_config.common_config.transport_api_version",
            new CommonGrpcAccessLogConfig { LogName = "l", TransportApiVersion = ApiVersion.V2 }
        },
        { "typed_config.common_config.buffer_flush_interval", With(static c => c.BufferFlushInterval = new Duration()) },
        {
            "typed_config.common_config.grpc_service.initial_metadata[0].key",
            With(static c => c.GrpcService.InitialMetadata.Add(new HeaderValue { Key = ":path" }))
        },
        { "typed_config.common_config.custom_tags[0].tag", With(static c => c.CustomTags.Add(new Envoy.Type.Tracing.V3.CustomTag())) },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void BadConfig_IsRejectedWithItsField(string field, CommonGrpcAccessLogConfig? config) => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => bench.Create(
            new GrpcAccessLoggerFactory(), new HttpGrpcAccessLogConfig { CommonConfig = config }));
        Assert.Equal(field, rejected.Field);
        await loop.YieldAsync();
    });

    [Fact]
    public void Metadata_OfTheConfig_IsSent() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        bench.Log(bench.Http(With(static c =>
        {
            c.BufferSizeBytes = 0;
            c.GrpcService.InitialMetadata.Add(new HeaderValue { Key = "X-Token", Value = "secret" });
        })));
        Assert.Equal("secret", (await (await bench.AcceptAsync()).ReadHeadAsync())["x-token"]);
    });

    private static CommonGrpcAccessLogConfig With(Action<CommonGrpcAccessLogConfig> change)
    {
        CommonGrpcAccessLogConfig config = CollectorBench.Common();
        change(config);
        return config;
    }

    private static IEnumerable<string> Routes(StreamAccessLogsMessage message) =>
        message.HttpLogs.LogEntry.Select(static entry => entry.CommonProperties.RouteName);
}
