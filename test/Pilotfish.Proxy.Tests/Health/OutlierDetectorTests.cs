using Envoy.Config.Cluster.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Health;

public sealed class OutlierDetectorTests
{
    [Fact]
    public void Host_Consecutive5xx_IsEjectedThenReturns()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (TransportFixture fixture, ClusterState state) = Create(loop, new OutlierDetection { MaxEjectionPercent = 50 }, 4);
            Host host = state.Hosts.All[0];
            for (int i = 0; i < 5; i++)
            {
                host.Monitor.OnStatus(500, loop.NowMilliseconds);
            }

            await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 3);
            Assert.True(host.IsUnhealthy);
            Assert.Equal(1, fixture.Gauge("cluster.c.outlier_detection.ejections_active"));
            Assert.Equal(1, fixture.Counter("cluster.c.outlier_detection.ejections_enforced_consecutive_5xx"));
            clock.Advance(TimeSpan.FromSeconds(31));
            await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 4);
            Assert.Equal(0, fixture.Gauge("cluster.c.outlier_detection.ejections_active"));
        });
    }

    [Fact]
    public void Host_SuccessBetweenFailures_StaysIn()
    {
        LoopRunner.Run(async loop =>
        {
            (_, ClusterState state) = Create(loop, new OutlierDetection { MaxEjectionPercent = 100 }, 2);
            for (int i = 0; i < 20; i++)
            {
                state.Hosts.All[0].Monitor.OnStatus(i % 5 == 4 ? 200 : 503, loop.NowMilliseconds);
            }

            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.Equal(2, state.Hosts.HealthyCount);
        });
    }

    [Fact]
    public void Ejections_BeyondTheShare_Overflow()
    {
        LoopRunner.Run(async loop =>
        {
            (TransportFixture fixture, ClusterState state) = Create(loop, new OutlierDetection(), 9);
            for (int i = 0; i < 5; i++)
            {
                state.Hosts.All[0].Monitor.OnStatus(500, loop.NowMilliseconds);
            }

            await TestPeers.UntilAsync(
                loop, () => fixture.Counter("cluster.c.outlier_detection.ejections_overflow") == 1);
            Assert.Equal(9, state.Hosts.HealthyCount);
        });
    }

    [Fact]
    public void Host_LowSuccessRate_IsEjected()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (TransportFixture fixture, ClusterState state) = Create(
                loop, new OutlierDetection { MaxEjectionPercent = 50, Consecutive5Xx = 1000, ConsecutiveGatewayFailure = 1000 }, 6);
            for (int host = 0; host < 6; host++)
            {
                for (int i = 0; i < 200; i++)
                {
                    state.Hosts.All[host].Monitor.OnStatus(host == 5 && i % 2 == 0 ? 500 : 200, loop.NowMilliseconds);
                }
            }

            clock.Advance(TimeSpan.FromSeconds(11));
            await TestPeers.UntilAsync(
                loop, () => fixture.Counter("cluster.c.outlier_detection.ejections_enforced_success_rate") == 1);
            Assert.True(state.Hosts.All[5].IsUnhealthy);
        });
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 1)]
    public void Connect_OfTcp_EndsARunOfFailures_UnlessLocalOriginIsSplit(bool split, int healthy) => LoopRunner.Run(async loop =>
    {
        (_, ClusterState state) = Create(loop, new OutlierDetection { MaxEjectionPercent = 100, SplitExternalLocalOriginErrors = split, ConsecutiveLocalOriginFailure = 5 }, 2);
        HostMonitor monitor = state.Hosts.All[0].Monitor;
        for (int i = 0; i < 9; i++)
        {
            monitor.OnResult(OutlierResult.LocalConnectFailed, loop.NowMilliseconds);
            if (i == 4 - (split ? 0 : 1))
            {
                monitor.OnTcpConnected(loop.NowMilliseconds);
            }

            if (i == 7)
            {
                monitor.OnTcpConnected(loop.NowMilliseconds);
            }
        }

        await loop.YieldAsync();
        await loop.YieldAsync();
        await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == healthy);
    });

    [Fact]
    public void Overflow_CountsAlsoWhereNothingIsEnforced() => LoopRunner.Run(async loop =>
    {
        (TransportFixture fixture, ClusterState state) = Create(loop, new OutlierDetection { EnforcingConsecutive5Xx = 0 }, 9);
        for (int i = 0; i < 5; i++)
        {
            state.Hosts.All[0].Monitor.OnStatus(500, loop.NowMilliseconds);
        }

        await TestPeers.UntilAsync(loop, () => fixture.Counter("cluster.c.outlier_detection.ejections_overflow") == 1);
        Assert.Equal(1, fixture.Counter("cluster.c.outlier_detection.ejections_detected_consecutive_5xx"));
    });

    [Fact]
    public void BackOff_StopsGrowingAtTheLongestTime()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var outliers = new OutlierDetection
            {
                MaxEjectionPercent = 100,
                BaseEjectionTime = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)),
                MaxEjectionTime = Duration.FromTimeSpan(TimeSpan.FromSeconds(60)),
            };
            (_, ClusterState state) = Create(loop, outliers, 2);
            HostMonitor monitor = state.Hosts.All[0].Monitor;
            for (int round = 0; round < 6; round++)
            {
                for (int i = 0; i < 5; i++)
                {
                    monitor.OnStatus(500, loop.NowMilliseconds);
                }

                await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 1);
                Assert.InRange(monitor.EjectionCount, 1, 3);
                Assert.Equal(round == 0 ? 30_000 : 60_000, monitor.EjectedForMilliseconds);
                clock.Advance(TimeSpan.FromSeconds(61));
                await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 2);
            }
        });
    }

    /// <summary>Whoever a check takes back in the middle of an interval is trusted more only after a whole one.</summary>
    [Fact]
    public void BackOff_ShrinksAfterAWholeIntervalOfService()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (_, ClusterState state) = Create(loop, new OutlierDetection { MaxEjectionPercent = 100 }, 2);
            OutlierDetector detector = state.Outliers!;
            HostMonitor monitor = state.Hosts.All[0].Monitor;
            detector.OnDetected(monitor, OutlierKind.Consecutive5xx);
            Assert.Equal(1, monitor.EjectionCount);
            clock.Advance(TimeSpan.FromSeconds(5));
            await TestPeers.UntilAsync(loop, () => loop.NowMilliseconds - monitor.EjectedAtMilliseconds >= 5000);
            detector.Uneject(monitor);
            detector.OnInterval();
            Assert.Equal(1, monitor.EjectionCount);
            clock.Advance(TimeSpan.FromSeconds(10));
            await TestPeers.UntilAsync(loop, () => monitor.EjectionCount == 0);
        });
    }

    [Fact]
    public void BackOff_OfAHostThatTheIntervalEjectsAgain_Grows() => LoopRunner.Run(loop =>
    {
        (_, ClusterState state) = Create(loop, new OutlierDetection
        {
            MaxEjectionPercent = 100, FailurePercentageMinimumHosts = 1, FailurePercentageRequestVolume = 1, EnforcingFailurePercentage = 100, Consecutive5Xx = 1000,
        }, 2);
        OutlierDetector detector = state.Outliers!;
        HostMonitor monitor = state.Hosts.All[0].Monitor;
        detector.OnDetected(monitor, OutlierKind.Consecutive5xx);
        detector.Uneject(monitor);
        monitor.UnejectedAtMilliseconds -= 10_000;
        monitor.OnStatus(500, loop.NowMilliseconds);
        detector.OnInterval();
        Assert.Equal((true, 2), (monitor.IsEjected, monitor.EjectionCount));
        return Task.CompletedTask;
    });

    [Fact]
    public void Jitter_GoesUpToWhatIsConfigured() => LoopRunner.Run(loop =>
    {
        (_, ClusterState state) = Create(loop, new OutlierDetection { MaxEjectionPercent = 100, MaxEjectionTimeJitter = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(1)) }, 2);
        var times = new HashSet<long>();
        for (int i = 0; i < 200; i++)
        {
            HostMonitor monitor = state.Hosts.All[0].Monitor;
            monitor.EjectionCount = 0;
            state.Outliers!.OnDetected(monitor, OutlierKind.Consecutive5xx);
            times.Add(monitor.EjectedForMilliseconds);
            state.Outliers.Uneject(monitor);
        }

        Assert.Equal([30_000, 30_001], times.Order());
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(60, 59, false)]
    [InlineData(60, 60, true)]
    [InlineData(301, null, true)]
    public void LongestTime_BelowTheBase_IsRefused(int first, int? longest, bool taken) => LoopRunner.Run(loop =>
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.IPv4(10, 0, 0, 1, 80));
        cluster.OutlierDetection = new OutlierDetection
        {
            BaseEjectionTime = Duration.FromTimeSpan(TimeSpan.FromSeconds(first)),
            MaxEjectionTime = longest is { } seconds ? Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds)) : null,
        };
        string[] reasons = [.. new TransportFixture(loop).Apply(cluster).Select(static problem => problem.Reason)];
        Assert.Equal(taken ? [] : ["outlier_detection.max_ejection_time: 59000 ms is less than base_ejection_time, 60000 ms"], reasons);
        return Task.CompletedTask;
    });

    private static (TransportFixture Fixture, ClusterState State) Create(EventLoop loop, OutlierDetection outliers, int hosts)
    {
        var fixture = new TransportFixture(loop);
        var addresses = new NetAddress[hosts];
        for (int i = 0; i < hosts; i++)
        {
            addresses[i] = NetAddress.IPv4(10, 0, 0, (byte)(i + 1), 80);
        }

        Cluster cluster = TransportFixture.StaticCluster("c", addresses);
        cluster.OutlierDetection = outliers;
        outliers.Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(10));
        Assert.Empty(fixture.Apply(cluster));
        return (fixture, fixture.Context.Clusters.Reference("c").Current!);
    }
}
