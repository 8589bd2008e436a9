namespace Pilotfish.ControlPlane.Sources.Files;

/// <summary>
/// What tells that a file changed without reading it. The link target is part: mounted ConfigMaps change by swapping a link, and
/// the file behind may carry any time.
/// </summary>
internal readonly record struct FileStamp(string Target, long Length, DateTime WriteTimeUtc)
{
    /// <summary>False when the file is gone or unreadable just now.</summary>
    public static bool TryRead(string path, out FileStamp stamp)
    {
        stamp = default;
        try
        {
            var info = new FileInfo(path);
            FileSystemInfo target = info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
            if (target is not FileInfo file || !file.Exists)
            {
                return false;
            }

            // A link anywhere on the way moves the real path, so the directory's links are resolved too.
            stamp = new FileStamp(RealDirectory(path) + "|" + file.FullName, file.Length, file.LastWriteTimeUtc);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone between listing and looking, or a dangling link: as good as absent until the next scan.
            return false;
        }
    }

    private static string RealDirectory(string path)
    {
        var directory = Path.GetDirectoryName(path);
        return directory is null ? "" : new DirectoryInfo(directory).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? directory;
    }
}
