using System.Globalization;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>The memory of this process and of its cgroup, as the kernel counts them. Any thread; a few file reads per call.</summary>
public static class ProcessMemory
{
    /// <summary>A version 1 group without a limit shows a number near the largest.</summary>
    private const long NoLimitFrom = long.MaxValue / 2;

    /// <summary>Resident bytes; null when /proc does not tell.</summary>
    public static long? ResidentBytes()
    {
        // statm: size resident shared text lib data dt, in pages.
        string[]? fields = ReadText("/proc/self/statm")?.Split(' ');
        return fields is [_, var pages, ..] && long.TryParse(pages, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            ? count * Environment.SystemPageSize
            : null;
    }

    /// <summary>
    /// Bytes in use and the limit of the group that this process sees below <paramref name="root"/>: version 2 (memory.current,
    /// memory.max), else version 1. Null without such a group; a null limit is none.
    /// </summary>
    public static (long UsedBytes, long? LimitBytes)? ReadCgroup(string root)
    {
        string mount = Path.Combine(root, "sys/fs/cgroup");
        foreach (string directory in (string[])[Path.Combine(mount, OwnGroup(root)), mount])
        {
            if (ReadNumber(Path.Combine(directory, "memory.current")) is { } used)
            {
                return (used, ReadNumber(Path.Combine(directory, "memory.max")));
            }
        }

        string first = Path.Combine(mount, "memory");
        if (ReadNumber(Path.Combine(first, "memory.usage_in_bytes")) is { } usage)
        {
            long? limit = ReadNumber(Path.Combine(first, "memory.limit_in_bytes"));
            return (usage, limit < NoLimitFrom ? limit : null);
        }

        return null;
    }

    /// <summary>Gives what malloc keeps back to the kernel.</summary>
    public static void Trim() => FileCalls.TrimHeap();

    private static string OwnGroup(string root)
    {
        foreach (string line in (ReadText(Path.Combine(root, "proc/self/cgroup")) ?? "").Split('\n'))
        {
            if (line.StartsWith("0::/", StringComparison.Ordinal))
            {
                return line[4..];
            }
        }

        return "";
    }

    // "max" is no number, and so no limit.
    private static long? ReadNumber(string path) =>
        long.TryParse(ReadText(path), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static string? ReadText(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Hidden by the container's policy, or gone: nothing that we can know of.
            return null;
        }
    }
}
