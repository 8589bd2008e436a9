namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>
/// The file that a result goes to. It is written beside its place and takes it when complete, so that a failure leaves what was there,
/// and so that the input may be the same file. What is no ordinary file (a pipe, a device) is written directly.
/// </summary>
internal sealed class ResultFile : IDisposable
{
    private readonly string _path;
    private readonly string? _temporary;

    /// <exception cref="IOException">The folder cannot be written to.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written to, or the path names a folder.</exception>
    public ResultFile(string path)
    {
        _path = Path.GetFullPath(path);
        UnixFileMode? mode = null;
        if (File.Exists(path))
        {
            var present = new FileStream(path, FileMode.Open, FileAccess.Write);
            if (!present.CanSeek)
            {
                Writer = new StreamWriter(present);
                return;
            }

            // A link stays a link.
            _path = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? _path;
            mode = File.GetUnixFileMode(present.SafeFileHandle);
            present.Dispose();
        }

        _temporary = Path.Combine(Path.GetDirectoryName(_path)!, $".{Path.GetFileName(_path)}.{Guid.NewGuid():N}.tmp");
        Writer = new StreamWriter(_temporary);
        if (mode is { } kept)
        {
            File.SetUnixFileMode(_temporary, kept);
        }
    }

    public StreamWriter Writer { get; }

    /// <summary>The result is complete: it takes its place.</summary>
    public void Complete()
    {
        Writer.Dispose();
        if (_temporary is not null)
        {
            File.Move(_temporary, _path, overwrite: true);
        }
    }

    /// <summary>Removes what was not completed.</summary>
    public void Dispose()
    {
        try
        {
            Writer.Dispose();
        }
        catch (IOException)
        {
            // A full disk has been told of where it was written to; what is left goes with the file.
        }

        if (_temporary is not null)
        {
            File.Delete(_temporary);
        }
    }
}
