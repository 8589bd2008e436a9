using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class FileSubscriptionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-files-").FullName;
    private readonly ManualLoopClock _clock = new();
    private readonly StatsStore _stats = new();
    private readonly RecordingOwner _owner = new();

    private string Path => System.IO.Path.Combine(_folder, "cds.yaml");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void File_ReplacedByRename_IsAppliedWithRemovals() => Run(async loop =>
    {
        Write("1", "a", "b");
        using FileSubscriptions files = Subscribe(loop);
        await loop.YieldAsync();
        Assert.Equal(["+a@1", "+b@1"], _owner.Events);
        Replace("2", "b", "c");
        await NextLookAsync(loop);
        Assert.Equal(["+a@1", "+b@1", "+b@2", "+c@2", "-a"], _owner.Events);
    });

    [Fact]
    public void File_HalfWritten_IsReportedAndTheLastGoodStays() => Run(async loop =>
    {
        Write("1", "a");
        using FileSubscriptions files = Subscribe(loop);
        await loop.YieldAsync();
        File.WriteAllText(Path, "version_info: '2'\nresources:\n- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cl");
        await NextLookAsync(loop);
        Assert.Equal(["+a@1"], _owner.Events);
        Write("3", "a", "long enough to differ");
        await NextLookAsync(loop);
        Assert.Contains("+a@3", _owner.Events);
    });

    [Fact]
    public void File_OneResourceBad_TheOthersApply() => Run(async loop =>
    {
        Write("1", "a", "bad", "c");
        using FileSubscriptions files = Subscribe(loop);
        await loop.YieldAsync();
        Assert.Equal(["+a@1", "+c@1"], _owner.Events);
        Assert.Equal(1, _stats.Value(_stats.Scope("cds").Counter("update_rejected")));
    });

    [Fact]
    public void File_AppearsLaterAndVanishes_HeldStays() => Run(async loop =>
    {
        using FileSubscriptions files = Subscribe(loop);
        await loop.YieldAsync();
        Assert.Empty(_owner.Events);
        Write("1", "a");
        await NextLookAsync(loop);
        Assert.Equal(["+a@1"], _owner.Events);
        File.Delete(Path);
        await NextLookAsync(loop);
        Assert.Equal(["+a@1"], _owner.Events);
    });

    // As the kubelet does with a ConfigMap: the path leads through a link to a folder that is swapped in one step.
    [Fact]
    public void SymbolicLink_OfTheFolderSwapped_IsSeen() => Run(async loop =>
    {
        string one = Directory.CreateDirectory(System.IO.Path.Combine(_folder, "one")).FullName;
        string two = Directory.CreateDirectory(System.IO.Path.Combine(_folder, "two")).FullName;
        File.WriteAllText(System.IO.Path.Combine(one, "cds.yaml"), Text("1", "a"));
        File.WriteAllText(System.IO.Path.Combine(two, "cds.yaml"), Text("2", "a"));
        File.SetLastWriteTimeUtc(System.IO.Path.Combine(two, "cds.yaml"), File.GetLastWriteTimeUtc(System.IO.Path.Combine(one, "cds.yaml")));
        string data = System.IO.Path.Combine(_folder, "..data");
        File.CreateSymbolicLink(data, one);
        File.CreateSymbolicLink(Path, "..data/cds.yaml");
        using FileSubscriptions files = Subscribe(loop);
        await loop.YieldAsync();
        Swap(data, two);
        await NextLookAsync(loop);
        Assert.Equal(["+a@1", "+a@2"], _owner.Events);
    });

    // rename(2) of the link itself, in one step; File.Move would follow it.
    private static void Swap(string link, string target)
    {
        File.CreateSymbolicLink(link + ".new", target);
        using var move = System.Diagnostics.Process.Start("mv", ["-T", link + ".new", link]);
        move.WaitForExit();
    }

    private void Run(Func<EventLoop, Task> body) => LoopRunner.Run(_clock, body);

    private FileSubscriptions Subscribe(EventLoop loop)
    {
        var files = new FileSubscriptions(loop);
        files.At(Path).SubscribeAll(ResourceType.Cluster, _owner, new SubscriptionStats(_stats.Scope("cds")));
        return files;
    }

    private async Task NextLookAsync(EventLoop loop)
    {
        _clock.Advance(TimeSpan.FromMilliseconds(1001));
        await loop.YieldAsync();
        await loop.YieldAsync();
    }

    private void Write(string version, params string[] names) => File.WriteAllText(Path, Text(version, names));

    private void Replace(string version, params string[] names)
    {
        File.WriteAllText(Path + ".new", Text(version, names));
        File.Move(Path + ".new", Path, overwrite: true);
    }

    private static string Text(string version, params string[] names) => $"version_info: '{version}'\nresources:\n" + string.Concat(
        names.Select(static name => $"- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: {name}\n"));
}
