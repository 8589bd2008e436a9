using System.Globalization;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// How many processors this process may use by its cgroup's quota: version 2 (cpu.max) and version 1 (cpu.cfs_quota_us), the
/// smallest along the way to the root, fractions rounded up. Inside a container the group's path may name directories that only
/// the host sees; the mount's own root is then the container's group.
/// </summary>
public static class CpuQuota
{
    private const string SystemRoot = "/";

    /// <summary>Workers to run: the quota if there is one, never more than the processors the scheduler grants, at least one.</summary>
    public static int WorkerCount() => WorkerCount(SystemRoot, Environment.ProcessorCount);

    /// <summary>The same below another root directory, for tests.</summary>
    public static int WorkerCount(string root, int processors)
    {
        double? quota = ReadQuota(root);
        int byQuota = quota is { } cpus ? (int)Math.Ceiling(cpus) : processors;
        return Math.Clamp(byQuota, 1, Math.Max(1, processors));
    }

    /// <summary>Processors as a fraction; null without a limit.</summary>
    public static double? ReadQuota(string root)
    {
        double? smallest = null;
        string groups = Path.Combine(root, "proc/self/cgroup");
        if (!File.Exists(groups))
        {
            return null;
        }

        foreach (string line in File.ReadLines(groups))
        {
            // hierarchy-id:controllers:path
            string[] parts = line.Split(':', 3);
            if (parts.Length != 3)
            {
                continue;
            }

            bool v2 = parts[1].Length == 0;
            if (v2)
            {
                smallest = Min(smallest, WalkUp(Path.Combine(root, "sys/fs/cgroup"), parts[2], ReadV2));
                smallest = Min(smallest, WalkUp(Path.Combine(root, "sys/fs/cgroup/unified"), parts[2], ReadV2));
            }
            else if (parts[1].Split(',').Contains("cpu"))
            {
                string mount = Path.Combine(root, "sys/fs/cgroup", parts[1]);
                mount = Directory.Exists(mount) ? mount : Path.Combine(root, "sys/fs/cgroup/cpu");
                smallest = Min(smallest, WalkUp(mount, parts[2], ReadV1));
            }
        }

        return smallest;
    }

    private static double? WalkUp(string mount, string path, Func<string, double?> read)
    {
        double? smallest = null;
        string group = path.Trim('/');
        while (true)
        {
            smallest = Min(smallest, read(Path.Combine(mount, group)));
            if (group.Length == 0)
            {
                return smallest;
            }

            int slash = group.LastIndexOf('/');
            group = slash < 0 ? "" : group[..slash];
        }
    }

    private static double? ReadV2(string directory)
    {
        // "max 100000" or "150000 100000"
        string[]? fields = ReadValue(Path.Combine(directory, "cpu.max"))?.Split(' ');
        return fields is [var quota, var period] ? Divide(quota, period) : null;
    }

    private static double? ReadV1(string directory)
    {
        string? quota = ReadValue(Path.Combine(directory, "cpu.cfs_quota_us"));
        string? period = ReadValue(Path.Combine(directory, "cpu.cfs_period_us"));
        return quota is null || period is null ? null : Divide(quota, period);
    }

    private static double? Divide(string quotaText, string periodText) =>
        long.TryParse(quotaText, NumberStyles.Integer, CultureInfo.InvariantCulture, out long quota)
        && long.TryParse(periodText, NumberStyles.Integer, CultureInfo.InvariantCulture, out long period)
        && quota > 0 && period > 0
            ? (double)quota / period
            : null;

    private static string? ReadValue(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        }
        // The file may vanish or be hidden by the container's policy: then it limits nothing that we can know of.
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static double? Min(double? left, double? right) =>
        left is { } a && right is { } b ? Math.Min(a, b) : left ?? right;
}
