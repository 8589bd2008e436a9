using Envoy.Config.Bootstrap.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.RuntimeLayers;

/// <summary>Layers of each kind, their order, their faults and `runtime.*`.</summary>
public sealed class RuntimeLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-runtime").FullName;

    [Theory]
    [InlineData("[{name: a, static_layer: {}}, {name: a, admin_layer: {}}]", "layered_runtime.layers[1].name: Duplicate layer name: a")]
    [InlineData("[{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]", "layered_runtime.layers[1].admin_layer: Too many admin layers")]
    [InlineData("[{static_layer: {}}]", "layered_runtime.layers[0].name: the layer has no name")]
    [InlineData("[{name: a}]", "layered_runtime.layers[0]: the layer is none of static_layer")]
    [InlineData("[{name: a, rtds_layer: {name: x}}]", "layered_runtime.layers[0].rtds_layer.rtds_config: the config source is missing")]
    [InlineData("[{name: a, disk_layer: {subdirectory: x}}]", "layered_runtime.layers[0].disk_layer.symlink_root: the path is missing")]
    [InlineData("[{name: a, static_layer: {k: [1]}}]", "layered_runtime.layers[0].static_layer: Invalid runtime entry value for k")]
    public void Layer_Bad_IsRefusedByField(string layers, string problem) => LoopRunner.Run(loop =>
    {
        Assert.StartsWith(
            problem, Assert.Throws<ConfigRejectedException>(() => Load(loop, layers, out _, out _)).Message, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Disk_TreeOfFiles_IsReadAndItsLaterLayersWin() => LoopRunner.Run(loop =>
    {
        Write("v1/envoy/health_check/min_interval", "# in milliseconds\n  5 \n");
        Write("v1/envoy/upstream/use_retry", "100");
        Write("v1/override/cluster-a/upstream/use_retry", "0\n");
        using RuntimeLoader loader = Load(
            loop,
            $"[{{name: one, disk_layer: {{symlink_root: {_folder}/v1, subdirectory: envoy}}}}, "
            + $"{{name: two, disk_layer: {{symlink_root: {_folder}/v1, subdirectory: override, append_service_cluster: true}}}}, "
            + $"{{name: gone, disk_layer: {{symlink_root: {_folder}/v1, subdirectory: none}}}}]",
            out RuntimeValues values, out StatsStore stats);
        Assert.Equal((5ul, 0ul), (values.Number("health_check.min_interval"), values.Number("upstream.use_retry")));
        Assert.Equal(["one", "two"], loader.Loaded.Select(static layer => layer.Name));
        Assert.Equal((2, 2, 1), (Gauge(stats, "num_layers"), Gauge(stats, "num_keys"), Counter(stats, "override_dir_exists")));
        return Task.CompletedTask;
    });

    [Fact]
    public void Disk_LinkSwapped_IsReadAnew()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            Write("v1/k", "1");
            Write("v2/k", "2");
            string link = Path.Combine(_folder, "current");
            Directory.CreateSymbolicLink(link, Path.Combine(_folder, "v1"));
            using RuntimeLoader loader = Load(loop, $"[{{name: disk, disk_layer: {{symlink_root: {link}}}}}]", out RuntimeValues values, out StatsStore stats);
            Assert.Equal(1ul, values.Number("k"));
            Directory.Delete(link);
            Directory.CreateSymbolicLink(link, Path.Combine(_folder, "v2"));
            clock.Advance(TimeSpan.FromMilliseconds(RuntimeLoader.PollMilliseconds + 1));
            await loop.YieldAsync();
            Assert.Equal(2ul, values.Number("k"));
            clock.Advance(TimeSpan.FromMilliseconds(RuntimeLoader.PollMilliseconds + 1));
            await loop.YieldAsync();
            Assert.Equal(2, Counter(stats, "load_success"));
        });
    }

    [Fact]
    public void Disk_TooDeep_LeavesTheLayerOutAndCountsAnError() => LoopRunner.Run(loop =>
    {
        Write("v1/" + string.Concat(Enumerable.Repeat("d/", 17)) + "k", "1");
        using RuntimeLoader loader = Load(
            loop, $"[{{name: base, static_layer: {{k: 3}}}}, {{name: disk, disk_layer: {{symlink_root: {_folder}/v1}}}}]", out RuntimeValues values, out StatsStore stats);
        Assert.Equal(["base"], loader.Loaded.Select(static layer => layer.Name));
        Assert.Equal((3ul, 1, 0), (values.Number("k"), Counter(stats, "load_error"), Counter(stats, "load_success")));
        return Task.CompletedTask;
    });

    [Fact]
    public void Disk_LoopOfLinks_Ends() => LoopRunner.Run(loop =>
    {
        Write("v1/k", "1");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "v1", "again"), Path.Combine(_folder, "v1"));
        using RuntimeLoader loader = Load(loop, $"[{{name: disk, disk_layer: {{symlink_root: {_folder}/v1}}}}]", out _, out StatsStore stats);
        Assert.Equal(1, Counter(stats, "load_error"));
        return Task.CompletedTask;
    });

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string path, string content)
    {
        string file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
    }

    private static RuntimeLoader Load(EventLoop loop, string layers, out RuntimeValues values, out StatsStore stats)
    {
        LayeredRuntime config = MessageReader.Parse<LayeredRuntime>($"layers: {layers}", "runtime").Message!;
        values = new RuntimeValues();
        stats = new StatsStore();
        var loader = new RuntimeLoader(values, stats, loop, "cluster-a");
        loader.Configure(config);
        return loader;
    }

    private static long Gauge(StatsStore stats, string name) => stats.Value(stats.Scope("runtime").Gauge(name));

    private static long Counter(StatsStore stats, string name) => stats.Value(stats.Scope("runtime").Counter(name));
}
