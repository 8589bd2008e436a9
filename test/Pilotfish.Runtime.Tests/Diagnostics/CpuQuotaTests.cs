using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Runtime.Tests.Diagnostics;

public sealed class CpuQuotaTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("runtime-cpu").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("150000 100000", 2)]
    [InlineData("200000 100000", 2)]
    [InlineData("10000 100000", 1)]
    [InlineData("max 100000", 16)]
    [InlineData("garbage", 16)]
    [InlineData("0 100000", 16)]
    [InlineData("99000000 100000", 16)]
    public void WorkerCount_Version2Quota_RoundsUpWithinTheProcessors(string max, int workers)
    {
        Write("proc/self/cgroup", "0::/pod/container\n");
        Write("sys/fs/cgroup/pod/container/cpu.max", max + "\n");
        Assert.Equal(workers, CpuQuota.WorkerCount(_root, 16));
    }

    [Fact]
    public void WorkerCount_ParentIsTighter_TakesTheSmallest()
    {
        Write("proc/self/cgroup", "0::/pod/container\n");
        Write("sys/fs/cgroup/pod/container/cpu.max", "800000 100000\n");
        Write("sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
        Assert.Equal(3, CpuQuota.WorkerCount(_root, 16));
    }

    [Fact]
    public void WorkerCount_Version1Quota_IsRead()
    {
        Write("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n");
        Write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "120000\n");
        Write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
        Assert.Equal(2, CpuQuota.WorkerCount(_root, 16));
    }

    [Fact]
    public void WorkerCount_Version1PathOfTheHost_FallsBackToTheMountsRoot()
    {
        Write("proc/self/cgroup", "4:cpu,cpuacct:/kubepods/not-visible-here\n");
        Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
        Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
        Assert.Equal(1, CpuQuota.WorkerCount(_root, 16));
    }

    [Fact]
    public void WorkerCount_Version1Unlimited_IsTheProcessors()
    {
        Write("proc/self/cgroup", "4:cpu,cpuacct:/\n");
        Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
        Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        Assert.Equal(16, CpuQuota.WorkerCount(_root, 16));
    }

    [Fact]
    public void WorkerCount_NoCgroups_IsTheProcessors() => Assert.Equal(5, CpuQuota.WorkerCount(_root, 5));

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
