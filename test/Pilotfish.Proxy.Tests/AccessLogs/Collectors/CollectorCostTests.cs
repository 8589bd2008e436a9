using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Streams;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>Records cost no managed memory, nor do batches on a stream that is open.</summary>
public sealed class CollectorCostTests
{
    // A buffer of so many has room for the measured ones: it grows by doubling, and no entry's size is near a boundary.
    private const int Records = 1000;
    private const int Measured = 100;

    // Some of them fill a message, which is then sent.
    private const int BatchesPerRound = 20;

    [Theory]
    [InlineData("http")]
    [InlineData("tcp")]
    [InlineData("otlp")]
    public void Record_AllocatesNothing(string kind) => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = kind switch
        {
            "http" => bench.Http(Large()),
            "tcp" => bench.Tcp(Large()),
            _ => bench.OpenTelemetry(static c =>
            {
                c.BufferSizeBytes = 3_000_000;
                c.Body!.StringValue = DefaultFormats.Text;
            }),
        };
        StreamInfo info = StreamSample.Create();
        info.EnsureMetadata().Set("space", MetadataValue.Of([KeyValuePair.Create("k", MetadataValue.Of("v"))]));

        for (int i = 0; i < Records; i++)
        {
            bench.Write(logger, info);
        }

        long allocated = AllocationMeter.Of(() =>
        {
            for (int i = 0; i < Measured; i++)
            {
                bench.Write(logger, info);
            }
        });
        await loop.YieldAsync();
        Assert.Equal(0, allocated);
    });

    [Fact]
    public void BatchOnAnOpenStream_AllocatesNothing() => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var bench = new CollectorBench(loop);
        AccessLogger logger = bench.Http(CollectorBench.Common(bufferBytes: 2000));
        StreamInfo info = StreamSample.Create();
        CollectorPeer? collector = null;
        var meter = new AllocationMeter();
        for (int batch = 1; meter.WantsMore; batch++)
        {
            meter.Resume();
            for (int i = 0; i < 10; i++)
            {
                bench.Write(logger, info);
            }

            meter.Pause();
            if (batch % BatchesPerRound == 0)
            {
                meter.EndRound();
            }

            collector ??= await bench.AcceptAsync();
            long written = bench.Written();
            while (collector.Records < written - 9)
            {
                await collector.ReadLogsAsync();
            }
        }

        Assert.Equal(0, meter.Least);
    });

    // The collector's part is not counted; it runs between the exports.
    [Fact]
    public void Export_AfterTheFirst_AllocatesNothing()
    {
        const int Batches = 60;
        const int PerBatch = 100;
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new CollectorBench(loop);
            AccessLogger logger = bench.OpenTelemetry(static c => c.BufferSizeBytes = 2000);
            StreamInfo info = StreamSample.Create();
            CollectorPeer? collector = null;
            long allocated = 0;
            long exported = 0;
            for (int batch = 0; batch < Batches; batch++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < PerBatch; i++)
                {
                    bench.Write(logger, info);
                }

                allocated += batch < Batches / 2 ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
                collector ??= await bench.AcceptAsync();
                while (exported < PerBatch * (batch + 1))
                {
                    clock.Advance(TimeSpan.FromMilliseconds(1001));
                    exported += (await collector.ReadExportAsync()).ResourceLogs[0].ScopeLogs[0].LogRecords.Count;
                    await collector.AnswerAsync(collector.StreamId);
                    await bench.Async.UntilAsync(() => bench.Written("open_telemetry_access_log") == exported);
                }
            }

            Assert.Equal(PerBatch * Batches, exported);
            Assert.Equal(0, allocated);
        });
    }

    private static Envoy.Extensions.AccessLoggers.Grpc.V3.CommonGrpcAccessLogConfig Large() => CollectorBench.Common(bufferBytes: 3_000_000);
}
