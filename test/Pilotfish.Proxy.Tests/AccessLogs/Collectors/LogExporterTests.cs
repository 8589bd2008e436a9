using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Logs.V1;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>Records to a scripted OTLP collector.</summary>
public sealed class LogExporterTests
{
    private const string Stats = "open_telemetry_access_log";

    [Fact]
    public void Records_AreExported_WithTheProxysResource_AndCountedWhenAnswered()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.OpenTelemetry();
            bench.Log(logger, "a");
            bench.Log(logger, "b");
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(1.1));
            CollectorPeer collector = await bench.AcceptAsync();
            Dictionary<string, string> head = await collector.ReadHeadAsync();
            Assert.Equal(
                ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "logs"), (head[":path"], head[":authority"]));
            ResourceLogs logs = Assert.Single((await collector.ReadExportAsync()).ResourceLogs);
            Assert.Equal(
                [("log_name", "log"), ("zone_name", ""), ("cluster_name", "test"), ("node_name", "test")],
                logs.Resource.Attributes.Select(static a => (a.Key, a.Value.StringValue)));
            Assert.Equal(["a", "b"], Bodies(logs));
            Assert.Equal(0, bench.Written(Stats));
            await collector.AnswerAsync(1);
            await bench.Async.UntilAsync(() => bench.Written(Stats) == 2);
            Assert.Equal(0, bench.Dropped(Stats));
            bench.Async.AssertIdle();
        });
    }

    [Fact]
    public void RejectedRecords_AreDropped_AndTheRestWritten() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.OpenTelemetry(static c =>
        {
            c.StatPrefix = "mine.";
            c.BufferSizeBytes = 50;
        });
        for (int i = 0; i < 5; i++)
        {
            bench.Log(logger);
        }

        CollectorPeer collector = await bench.AcceptAsync();
        await collector.ReadExportAsync();
        await collector.AnswerAsync(1, new ExportLogsServiceResponse { PartialSuccess = new() { RejectedLogRecords = 2 } });
        await bench.Async.UntilAsync(() => bench.Written(Stats + ".mine") == 3);
        Assert.Equal(2, bench.Dropped(Stats + ".mine"));
    });

    [Fact]
    public void RefusedExport_IsDropped_AndTheNextComesAfterABackOff()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.OpenTelemetry(static c => c.BufferSizeBytes = 0);
            bench.Log(logger, "a");
            CollectorPeer collector = await bench.AcceptAsync();
            await collector.ReadExportAsync();
            await collector.Peer.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", "8"));
            await bench.Async.UntilAsync(() => bench.Dropped(Stats) == 1);
            bench.Log(logger, "b");
            bench.Log(logger, "c");
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(["b", "c"], Bodies(Assert.Single((await collector.ReadExportAsync()).ResourceLogs)));
            await collector.AnswerAsync(collector.StreamId);
            await bench.Async.UntilAsync(() => bench.Written(Stats) == 2);
        });
    }

    [Fact]
    public void CollectorThatNeverAnswers_GetsFewCalls_TheBufferIsBounded_AndTheDeadlineFreesIt()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.OpenTelemetry(static c => c.BufferSizeBytes = 100);
            CollectorPeer? collector = null;
            int calls = 0;
            for (int i = 0; i < 50_000; i++)
            {
                bench.Log(logger, new string('x', 100));
                if (collector is null)
                {
                    collector = await bench.AcceptAsync();
                }

                if (i % 1000 == 0)
                {
                    await loop.YieldAsync();
                }
            }

            for (; calls < 4; calls++)
            {
                await collector!.ReadExportAsync();
            }

            Assert.Equal(0, bench.Written(Stats));
            long dropped = bench.Dropped(Stats);
            Assert.InRange(dropped, 1, 50_000);
            clock.Advance(TimeSpan.FromSeconds(10));
            await bench.Async.UntilAsync(() => bench.Dropped(Stats) > dropped);
            clock.Advance(TimeSpan.FromSeconds(6));
            ExportLogsServiceRequest backlog = await collector!.ReadExportAsync();
            await collector.AnswerAsync(collector.StreamId);
            int records = backlog.ResourceLogs[0].ScopeLogs[0].LogRecords.Count;
            await bench.Async.UntilAsync(() => bench.Written(Stats) == records);
            Assert.Equal(50_000, records + bench.Dropped(Stats));
        });
    }

    [Fact]
    public void Collector_ThatComesLate_GetsWhatWasKept()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.OpenTelemetry();
            NetAddress address = bench.Async.Address;
            Http.ProxyBench.SetHosts(bench.Async.State);
            for (int i = 0; i < 10; i++)
            {
                bench.Log(logger);
                clock.Advance(TimeSpan.FromSeconds(1.1));
                await loop.YieldAsync();
            }

            Assert.Equal(0, bench.Dropped(Stats));
            Http.ProxyBench.SetHosts(bench.Async.State, address);
            clock.Advance(TimeSpan.FromSeconds(6));
            CollectorPeer collector = await bench.AcceptAsync();
            Assert.Equal(10, (await collector.ReadExportAsync()).ResourceLogs[0].ScopeLogs[0].LogRecords.Count);
        });
    }

    [Fact]
    public void Close_WaitsForTheAnswer() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.OpenTelemetry();
        bench.Log(logger, "last");
        int closed = 0;
        bench.Close(() => closed++);
        CollectorPeer collector = await bench.AcceptAsync();
        Assert.Equal(["last"], Bodies((await collector.ReadExportAsync()).ResourceLogs[0]));
        Assert.Equal(0, closed);
        await collector.AnswerAsync(1);
        await bench.Async.UntilAsync(() => closed == 1);
    });

    [Fact]
    public void CommonConfig_Serves_WhereTheMessageSaysNothing() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.OpenTelemetry(static c =>
        {
            c.GrpcService = null;
            c.LogName = "";
            c.CommonConfig = CollectorBench.Common(bufferBytes: 0);
            c.CommonConfig.LogName = "common";
            c.ResourceAttributes = new KeyValueList
            {
                Values =
                {
                    new OpenTelemetry.Proto.Common.V1.KeyValue { Key = "zone_name", Value = new AnyValue { StringValue = "mine" } },
                    new OpenTelemetry.Proto.Common.V1.KeyValue { Key = "team", Value = new AnyValue { IntValue = 7 } },
                },
            };
        });
        bench.Log(logger);
        ResourceLogs logs = (await (await bench.AcceptAsync()).ReadExportAsync()).ResourceLogs[0];
        Assert.Equal(
            ["log_name=common", "zone_name=mine", "cluster_name=test", "node_name=test", "team="],
            logs.Resource.Attributes.Select(static a => $"{a.Key}={a.Value.StringValue}"));
        Assert.Equal(7, logs.Resource.Attributes[4].Value.IntValue);
    });

    [Fact]
    public void BuiltInLabels_CanBeLeftOut() => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        bench.Log(bench.OpenTelemetry(static c =>
        {
            c.DisableBuiltinLabels = true;
            c.BufferSizeBytes = 0;
        }));
        Assert.Empty((await (await bench.AcceptAsync()).ReadExportAsync()).ResourceLogs[0].Resource.Attributes);
    });

    public static TheoryData<string, Action<Envoy.Extensions.AccessLoggers.OpenTelemetry.V3.OpenTelemetryAccessLogConfig>> BadConfigs => new()
    {
        { "typed_config.http_service", static c => c.HttpService = new HttpService() },
        { "typed_config.common_config.grpc_service", static c => c.GrpcService = null },
        { "typed_config.body", static c => c.Body = new AnyValue { BoolValue = true } },
        { "typed_config.body", static c => c.Body = new AnyValue { StringValue = "%NO_SUCH%" } },
        { "typed_config.buffer_flush_interval", static c => c.BufferFlushInterval = new Duration() },
        { "typed_config.formatters", static c => c.Formatters.Add(new TypedExtensionConfig { Name = "x", TypedConfig = Any.Pack(new Empty()) }) },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void BadConfig_IsRejectedWithItsField(
        string field, Action<Envoy.Extensions.AccessLoggers.OpenTelemetry.V3.OpenTelemetryAccessLogConfig> change) => LoopRunner.Run(async loop =>
    {
        using var bench = new CollectorBench(loop);
        Assert.Equal(field, Assert.Throws<ConfigRejectedException>(() => bench.OpenTelemetry(change)).Field);
        await loop.YieldAsync();
    });

    private static IEnumerable<string> Bodies(ResourceLogs logs) =>
        Assert.Single(logs.ScopeLogs).LogRecords.Select(static record => record.Body.StringValue);
}
