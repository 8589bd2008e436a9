using System.Globalization;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>The memory of this process and of its cgroup, as the kernel counts them. Any thread; a few file reads per call.</summary>
public static class ProcessMemory
{
    private const string MapsFile = "/proc/self/smaps";

    /// <summary>A version 1 group without a limit shows a number near the largest.</summary>
    private const long NoLimitFrom = long.MaxValue / 2;

    /// <summary>Resident bytes; null when /proc does not tell.</summary>
    public static long? ResidentBytes() => ReadStatm()?.Resident;

    /// <summary>Resident bytes that belong to no file: heaps, stacks and written data; null when /proc does not tell.</summary>
    public static long? AnonymousBytes() => ReadStatm() is var (resident, shared) ? resident - shared : null;

    // statm: size resident shared text lib data dt, in pages.
    private static (long Resident, long Shared)? ReadStatm()
    {
        string[]? fields = ReadText("/proc/self/statm")?.Split(' ');
        return fields is [_, var resident, var shared, ..]
            && long.TryParse(resident, NumberStyles.None, CultureInfo.InvariantCulture, out long residentPages)
            && long.TryParse(shared, NumberStyles.None, CultureInfo.InvariantCulture, out long sharedPages)
            ? (residentPages * Environment.SystemPageSize, sharedPages * Environment.SystemPageSize)
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

    /// <summary>
    /// Gives back what a burst of work has left: free pages of the managed heap and of the C heap, and the pages of code and
    /// constants that only starting needed. Every thread stands still for the collection (1 to 11 ms).
    /// </summary>
    public static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Trim();
        try
        {
            foreach ((nuint start, nuint length) in CleanFileRanges(File.ReadLines(MapsFile)))
            {
                FileCalls.DropCleanPages(start, length);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without /proc the pages stay, which costs memory and nothing else.
            Log.Debug(LogComponent.Main, $"{MapsFile} cannot be read: {Errno.Text(e is UnauthorizedAccessException ? Errno.EACCES : e.HResult)}");
        }
    }

    /// <summary>Gives what malloc keeps back to the kernel.</summary>
    public static void Trim() => FileCalls.TrimHeap();

    /// <summary>
    /// Private mappings of files that cannot be written and of which no page was ever written: what is dropped there is read from
    /// the file again when it is touched. A mapping that the linker relocated has anonymous pages and is left alone.
    /// </summary>
    internal static IEnumerable<(nuint Start, nuint Length)> CleanFileRanges(IEnumerable<string> smaps)
    {
        (nuint Start, nuint Length)? candidate = null;
        foreach (string line in smaps)
        {
            if (line.StartsWith("Anonymous:", StringComparison.Ordinal))
            {
                if (candidate is { } range && line.AsSpan("Anonymous:".Length).Trim().SequenceEqual("0 kB"))
                {
                    yield return range;
                }

                candidate = null;
            }
            else if (char.IsAsciiHexDigitLower(line.Length > 0 ? line[0] : ' '))
            {
                candidate = CleanCandidate(line);
            }
        }
    }

    // 55d0c0a00000-55d0c1600000 r-xp 00c00000 fe:01 1234   /usr/local/bin/pilot-agent
    private static (nuint Start, nuint Length)? CleanCandidate(string line)
    {
        int dash = line.IndexOf('-');
        int space = line.IndexOf(' ');
        if (dash <= 0 || space < dash || line.Length < space + 5 || !line.Contains('/'))
        {
            return null;
        }

        string permissions = line.Substring(space + 1, 4);
        return permissions is "r-xp" or "r--p"
            && nuint.TryParse(line.AsSpan(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint start)
            && nuint.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint end)
            ? (start, end - start)
            : null;
    }

    /// <summary>The path of this process's group of version 2 below the mount; empty when it is not told.</summary>
    internal static string OwnGroup(string root)
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
