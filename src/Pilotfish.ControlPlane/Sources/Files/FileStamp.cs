namespace Pilotfish.ControlPlane.Sources.Files;

/// <summary>
/// What tells that a file changed without reading it. The link target is part: mounted ConfigMaps change by swapping a link, and
/// the file behind may carry any time. So is the time of birth: file systems stamp with the kernel's tick, and a file that replaces
/// another of its length within one differs in nothing else, or is told to carry the other's time.
/// </summary>
internal readonly record struct FileStamp(string Target, long Length, DateTime WriteTimeUtc, DateTime BirthTimeUtc)
{
    /// <summary>False when the file is gone or unreadable just now.</summary>
    public static bool TryRead(string path, out FileStamp stamp)
    {
        stamp = default;
        try
        {
            path = Path.GetFullPath(path);
            var info = new FileInfo(path);
            FileSystemInfo found = info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
            if (found is not FileInfo file || !file.Exists)
            {
                return false;
            }

            // A link anywhere on the way moves the real path: of the directory, or of the one that the file's own link leads through
            // (a mounted ConfigMap's `..data`).
            var target = $"{RealDirectory(path)}|{file.FullName}|{RealDirectory(file.FullName)}";
            stamp = new FileStamp(target, file.Length, file.LastWriteTimeUtc, file.CreationTimeUtc);
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
