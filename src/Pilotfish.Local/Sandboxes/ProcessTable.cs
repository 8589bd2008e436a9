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

    public static IEnumerable<int> InMountNamespace(string identity) => Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0)
        .Where(pid => pid > 0 && MountNamespace(pid) == identity);

    /// <summary>When a process started, in the kernel's ticks: an id alone may have been given to another since.</summary>
    public static string? StartTime(int pid)
    {
        string stat = TryRead($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
        int afterName = stat.LastIndexOf(')');
        string[] fields = afterName < 0 ? [] : stat[(afterName + 2)..].Split(' ');
        const int startTimeField = 19;
        return fields.Length > startTimeField ? fields[startTimeField] : null;
    }

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
