using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Runtime.Tests.Diagnostics;

/// <summary>Processor time of the machine and of groups of both versions.</summary>
public sealed class CpuTimesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pilotfish-cpu").FullName;

    [Theory]
    [InlineData("cpu  10 20 30 40 50\ncpu0 1 2 3 4\n", 60.0, 100.0)]
    [InlineData("cpu  10 20 30\n", null, null)]
    [InlineData("cpu  a b c d\n", null, null)]
    [InlineData("memory 1\n", null, null)]
    [InlineData("", null, null)]
    public void Host_AddsUpTheFirstFourFields(string stat, double? work, double? total)
    {
        Write("proc/stat", stat);
        CpuTimes? times = CpuTimes.OfHost(_root);
        Assert.Equal((work, total), (times?.Work, times?.Total));
    }

    [Theory]
    [InlineData("a whole processor", "100000 100000", "0-3", 1.0)]
    [InlineData("more than there are", "800000 100000", "0-3", 4.0)]
    [InlineData("half of one", "50000 100000", "0", 0.5)]
    [InlineData("no quota", "max 100000", "0-3,8", 5.0)]
    public void Container_OfVersion2(string label, string quota, string cpus, double processors)
    {
        Write("proc/self/cgroup", "0::/\n");
        Write("sys/fs/cgroup/cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
        Write("sys/fs/cgroup/cpu.max", quota + "\n");
        Write("sys/fs/cgroup/cpuset.cpus.effective", cpus + "\n");
        Assert.True(new CpuTimes(1_500_000, 7, processors) == CpuTimes.OfContainer(_root, 7), label);
    }

    [Fact]
    public void Container_OfVersion1()
    {
        Write("sys/fs/cgroup/cpu/cpuacct.usage", "5000\n");
        Write("sys/fs/cgroup/cpu/cpu.shares", "2000\n");
        Assert.Equal(new CpuTimes(5000, 7, 2), CpuTimes.OfContainer(_root, 7));
    }

    [Fact]
    public void Container_WithoutAGroup_IsUnknown() => Assert.Null(CpuTimes.OfContainer(_root, 7));

    [Theory]
    [InlineData("0", 1)]
    [InlineData("0-3", 4)]
    [InlineData("0-1,4-5, 7", 5)]
    [InlineData("3-1", null)]
    [InlineData("a", null)]
    [InlineData("1-2-3", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void List_OfProcessors(string? list, int? count) => Assert.Equal(count, CpuTimes.CountProcessors(list));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
