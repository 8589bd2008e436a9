using System.Globalization;

namespace Pilotfish.Local.Sandboxes;

/// <summary>Facts from /proc about processes by id.</summary>
internal static class ProcessTable
{
    /// <summary>The first child of a process, or null while it has none.</summary>
    public static int? FirstChild(int pid)
    {
        string id = pid.ToString(CultureInfo.InvariantCulture);
        string text = TryRead($"/proc/{id}/task/{id}/children");
        string first = text.Split(' ')[0];
        return int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int child) ? child : null;
    }

    /// <summary>The mount namespace's identity, by which all processes of one container are found; null when it is gone.</summary>
    public static string? MountNamespace(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/ns/mnt").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static IEnumerable<int> InMountNamespace(string identity) => All().Where(pid => MountNamespace(pid) == identity);

    /// <summary>All processes by their mount namespace's identity.</summary>
    public static ILookup<string, int> ByMountNamespace() => All().ToLookup(static pid => MountNamespace(pid) ?? "");

    /// <summary>Whether it acts as this user or group now, or did when it opened what it holds.</summary>
    public static bool HasUserOrGroup(int pid, int id)
    {
        string text = id.ToString(CultureInfo.InvariantCulture);
        return TryRead($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/status").Split('\n')
            .Where(static line => line.StartsWith("Uid:", StringComparison.Ordinal) || line.StartsWith("Gid:", StringComparison.Ordinal))
            .Any(line => line.Split('\t').Contains(text));
    }

    /// <summary>The kernel's lines for the TCP sockets, of both families, in the network namespace of a process.</summary>
    public static IEnumerable<string> TcpSockets(int pid)
    {
        string folder = $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/net/";
        return TryRead(folder + "tcp").Split('\n').Concat(TryRead(folder + "tcp6").Split('\n'));
    }

    /// <summary>The inodes of the sockets that a process holds.</summary>
    public static IReadOnlyList<string> Sockets(int pid)
    {
        const string prefix = "socket:[";
        try
        {
            return
            [
                .. new DirectoryInfo($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/fd").EnumerateFileSystemInfos()
                    .Select(static file => file.LinkTarget ?? "")
                    .Where(static target => target.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(static target => target[prefix.Length..^1]),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process, or one of its descriptors, has gone meanwhile.
            return [];
        }
    }

    /// <summary>When a process started, in the kernel's ticks: an id alone may have been given to another since.</summary>
    public static string? StartTime(int pid)
    {
        string stat = TryRead($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
        int afterName = stat.LastIndexOf(')');
        string[] fields = afterName < 0 ? [] : stat[(afterName + 2)..].Split(' ');
        const int startTimeField = 19;
        return fields.Length > startTimeField ? fields[startTimeField] : null;
    }

    private static IEnumerable<int> All() => Directory.EnumerateDirectories("/proc")
        .Select(static path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0)
        .Where(static pid => pid > 0);

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended meanwhile.
            return string.Empty;
        }
    }
}
