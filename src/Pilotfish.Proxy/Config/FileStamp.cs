namespace Pilotfish.Proxy.Config;

/// <summary>Tells whether a file was replaced: its time, its length or the target of a swapped symbolic link differ then.</summary>
internal static class FileStamp
{
    /// <summary>Null when the file is not there, or cannot be looked at in the middle of a swap.</summary>
    public static string? Of(string path)
    {
        try
        {
            FileInfo file = new(path);
            return file.Exists
                ? $"{file.LastWriteTimeUtc.Ticks}:{file.Length}:{file.ResolveLinkTarget(returnFinalTarget: true)?.FullName}"
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next look finds it settled.
            return null;
        }
    }
}
