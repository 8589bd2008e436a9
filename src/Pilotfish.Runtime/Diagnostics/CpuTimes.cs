using System.Globalization;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// Counters of processor time at one moment; two of them tell how busy the processors were between: the work's difference over that of all time, over
/// the processors that may work at once. Any thread; a few file reads per call.
/// </summary>
/// <param name="Work">Time worked, in the unit of <paramref name="Total"/>.</param>
/// <param name="Total">Time passed: of all processors together where <paramref name="Processors"/> is 1.</param>
/// <param name="Processors">How many of <paramref name="Total"/> can pass in that time.</param>
public readonly record struct CpuTimes(double Work, double Total, double Processors)
{
    // "cpu  user nice system idle ...": those four are what Envoy adds up.
    private const int HostFields = 4;
    private const double NanosecondsPerMicrosecond = 1000;

    // Envoy takes the weight of a group of version 1 for thousandths of a processor.
    private const double SharesPerProcessor = 1000;

    /// <summary>Of the machine, from /proc/stat; null when it cannot be read.</summary>
    public static CpuTimes? OfHost(string root)
    {
        string? text = ReadText(Path.Combine(root, "proc/stat"));
        if (text is null || !text.StartsWith("cpu ", StringComparison.Ordinal))
        {
            return null;
        }

        int end = text.IndexOf('\n', StringComparison.Ordinal);
        string[] fields = text[4..(end < 0 ? text.Length : end)].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Span<double> times = stackalloc double[HostFields];
        for (int i = 0; i < HostFields; i++)
        {
            if (i >= fields.Length || !TryNumber(fields[i], out times[i]))
            {
                return null;
            }
        }

        double work = times[0] + times[1] + times[2];
        return new CpuTimes(work, work + times[3], 1);
    }

    /// <summary>
    /// Of the group that this process sees below <paramref name="root"/>: version 2 (cpu.stat, within cpu.max and cpuset.cpus.effective), else version 1
    /// (cpuacct.usage within cpu.shares). Null without such a group.
    /// </summary>
    public static CpuTimes? OfContainer(string root, long nowNanoseconds)
    {
        string mount = Path.Combine(root, "sys/fs/cgroup");
        foreach (string directory in (string[])[Path.Combine(mount, ProcessMemory.OwnGroup(root)), mount])
        {
            if (UsageOf(ReadText(Path.Combine(directory, "cpu.stat"))) is { } microseconds)
            {
                return new CpuTimes(microseconds * NanosecondsPerMicrosecond, nowNanoseconds, ProcessorsOf(directory));
            }
        }

        string first = Path.Combine(mount, "cpu");
        return TryNumber(ReadText(Path.Combine(first, "cpuacct.usage")), out double usage)
            && TryNumber(ReadText(Path.Combine(first, "cpu.shares")), out double shares) && shares > 0
                ? new CpuTimes(usage, nowNanoseconds, shares / SharesPerProcessor)
                : null;
    }

    /// <summary>How many processors a list such as "0-3,8" names; null for anything else.</summary>
    internal static int? CountProcessors(string? list)
    {
        int count = 0;
        foreach (string range in (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] ends = range.Split('-');
            if (ends.Length > 2
                || !int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int from)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int to) || to < from)
            {
                return null;
            }

            count += to - from + 1;
        }

        return count > 0 ? count : null;
    }

    private static double ProcessorsOf(string directory)
    {
        double present = CountProcessors(ReadText(Path.Combine(directory, "cpuset.cpus.effective"))) ?? Environment.ProcessorCount;
        string[] quota = (ReadText(Path.Combine(directory, "cpu.max")) ?? "").Split(' ');
        return quota is [var most, var period] && TryNumber(most, out double time) && TryNumber(period, out double of) && time > 0 && of > 0
            ? Math.Min(present, time / of)
            : present;
    }

    private static double? UsageOf(string? stat)
    {
        const string Name = "usage_usec ";
        foreach (string line in (stat ?? "").Split('\n'))
        {
            if (line.StartsWith(Name, StringComparison.Ordinal) && TryNumber(line[Name.Length..], out double usage))
            {
                return usage;
            }
        }

        return null;
    }

    private static bool TryNumber(string? text, out double number) =>
        double.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

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
