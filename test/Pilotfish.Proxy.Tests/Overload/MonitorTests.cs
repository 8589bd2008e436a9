using Envoy.Config.Overload.V3;
using Envoy.Extensions.ResourceMonitors.CpuUtilization.V3;
using Envoy.Extensions.ResourceMonitors.InjectedResource.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Testing;
using Message = Envoy.Config.Overload.V3.OverloadManager;
using Mode = Envoy.Extensions.ResourceMonitors.CpuUtilization.V3.CpuUtilizationConfig.Types.UtilizationComputeStrategy;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>cpu_utilization and injected_resource.</summary>
public sealed class MonitorTests
{
    [Fact]
    public void Cpu_IsSmoothed_FromTheSecondLookOn()
    {
        var times = new Queue<CpuTimes?>([new(0, 0, 2), new(200, 100, 2), new(300, 200, 2), null, new(100, 300, 2), new(300, 400, 2)]);
        var monitor = new CpuMonitor(times.Dequeue);
        Assert.Equal(0, monitor.ReadPressure());
        Assert.Equal(0.05, monitor.ReadPressure()!.Value, 6);
        Assert.Equal((0.5 * 0.05) + (0.05 * 0.95), monitor.ReadPressure()!.Value, 6);
        Assert.Null(monitor.ReadPressure());

        // Counters that went back tell nothing; the next look compares with them.
        Assert.Null(monitor.ReadPressure());
        Assert.Equal(0.05 + (0.0725 * 0.95), monitor.ReadPressure()!.Value, 6);
    }

    [Fact]
    public void Injected_FollowsItsFile()
    {
        string folder = Directory.CreateTempSubdirectory("pilotfish-pressure").FullName;
        try
        {
            string path = Path.Combine(folder, "pressure");
            var monitor = new InjectedMonitor(path);
            Assert.Equal(0, monitor.ReadPressure());
            foreach ((string text, double? pressure) in (IEnumerable<(string, double?)>)[("0.6\n", 0.6), ("1", 1), ("1.2", null), ("much", null), ("0.25", 0.25), ("-1", null)])
            {
                string next = Path.Combine(folder, "next");
                File.WriteAllText(next, text);
                File.Move(next, path, overwrite: true);
                Assert.Equal(pressure, monitor.ReadPressure());
            }

            File.Delete(path);
            Assert.Null(monitor.ReadPressure());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static TheoryData<string, IMessage, string?> Configurations => new()
    {
        { "machine", new CpuUtilizationConfig(), null },
        { "container", new CpuUtilizationConfig { Mode = Mode.Container }, null },
        { "unknown mode", new CpuUtilizationConfig { Mode = (Mode)7 }, "overload_manager.resource_monitors[0].typed_config.mode: 7 is neither HOST nor CONTAINER" },
        { "file", new InjectedResourceConfig { Filename = "/x" }, null },
        { "no file", new InjectedResourceConfig(), "overload_manager.resource_monitors[0].typed_config.filename: the path is missing" },
    };

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Monitors_AreTakenFromTheBootstrap(string label, IMessage config, string? refusal) => LoopRunner.Run(loop =>
    {
        OverloadPlan Compile() => new OverloadCompiler(new TransportFixture(loop).Context, ConnectionLimits.None).Compile(new Message
        {
            ResourceMonitors = { new Envoy.Config.Overload.V3.ResourceMonitor { Name = "m", TypedConfig = Any.Pack(config) } },
        });
        Assert.NotEmpty(label);
        if (refusal is null)
        {
            Assert.NotNull(Assert.Single(Compile().Monitors).Monitor);
        }
        else
        {
            Assert.Equal(refusal, Assert.Throws<ConfigRejectedException>(Compile).Message);
        }

        return Task.CompletedTask;
    });
}
