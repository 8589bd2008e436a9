using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Overload;

/// <summary>cgroup_memory: the container's memory against its limit or a smaller configured one. Without either there is no pressure.</summary>
internal sealed class CgroupMonitor(long? bytesMax, string root) : ResourceMonitor
{
    public override double? ReadPressure()
    {
        if (ProcessMemory.ReadCgroup(root) is not { } memory)
        {
            return null;
        }

        long limit = Math.Min(memory.LimitBytes ?? long.MaxValue, bytesMax ?? long.MaxValue);
        return limit == long.MaxValue ? 0 : (double)memory.UsedBytes / limit;
    }
}
