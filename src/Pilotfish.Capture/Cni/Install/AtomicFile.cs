namespace Pilotfish.Capture.Cni.Install;

/// <summary>
/// Files that others read at any moment: the new content is written beside the old one and then renamed over it, so a
/// reader sees the one or the other, and a crash leaves the old one.
/// </summary>
internal static class AtomicFile
{
    /// <summary>A leading dot and this ending keep runtimes, which look for .conf and .conflist, away.</summary>
    private const string TemporaryEnding = ".tmp";

    public static void Write(string path, string text, UnixFileMode mode) =>
        Replace(path, mode, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            writer.Write(text);
        });

    /// <summary>Copies with the source's time, by which a copy is known again.</summary>
    public static void Copy(string source, string path, UnixFileMode mode)
    {
        using FileStream from = File.OpenRead(source);
        Replace(path, mode, from.CopyTo, File.GetLastWriteTimeUtc(source));
    }

    private static void Replace(string path, UnixFileMode mode, Action<Stream> fill, DateTime? time = null)
    {
        string folder = Path.GetDirectoryName(path)!;
        string temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}{TemporaryEnding}");
        try
        {
            using (var stream = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = mode,
            }))
            {
                fill(stream);
                stream.Flush(flushToDisk: true);
            }

            // The umask may have taken bits from the mode at creation.
            File.SetUnixFileMode(temporary, mode);
            if (time is DateTime written)
            {
                File.SetLastWriteTimeUtc(temporary, written);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
