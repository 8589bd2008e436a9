using System.Text;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>
/// The text of one document: in memory while it is short, in a file without a name beyond that. What a document is may stand at its
/// end (kubectl writes `items` before `kind`), so that it must be read twice, and standard input cannot be.
/// </summary>
internal sealed class DocumentSpool : IDisposable
{
    /// <summary>Characters. Longer than nearly all manifests, and still nothing for a process to hold.</summary>
    private const int MemoryMax = 256 * 1024;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly StringBuilder _memory = new();
    private FileStream? _file;
    private StreamWriter? _writer;

    /// <summary>Characters.</summary>
    public long Length { get; private set; }

    /// <summary>The last character ends a line.</summary>
    public bool EndsLine { get; private set; }

    /// <summary>The document is longer than what memory is used for.</summary>
    public bool IsLong => _file is not null;

    /// <exception cref="InjectionException">The temporary file cannot be written.</exception>
    public void Append(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            return;
        }

        Length += text.Length;
        EndsLine = text[^1] == '\n';
        if (_writer is null && Length <= MemoryMax)
        {
            _memory.Append(text);
            return;
        }

        try
        {
            (_writer ??= Spill()).Write(text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InjectionException(
                $"a document of more than {MemoryMax} characters is kept in a file in {Path.GetTempPath()} while it is read, and that failed: "
                + $"{e.Message} Let TMPDIR name a folder with room.", e);
        }
    }

    /// <summary>The whole text.</summary>
    public string ReadText()
    {
        if (_file is null)
        {
            return _memory.ToString();
        }

        using var reader = new StreamReader(OpenRead(), s_utf8, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
        return reader.ReadToEnd();
    }

    /// <summary>The text as bytes, from its beginning. The stream is the spool's own: read it before anything else is asked.</summary>
    public Stream OpenRead()
    {
        if (_file is null)
        {
            return new MemoryStream(s_utf8.GetBytes(_memory.ToString()));
        }

        _writer!.Flush();
        _file.Position = 0;
        return _file;
    }

    public void CopyTo(TextWriter output)
    {
        if (_file is null)
        {
            output.Write(_memory.ToString());
            return;
        }

        using var reader = new StreamReader(OpenRead(), s_utf8, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
        var buffer = new char[16 * 1024];
        for (int read; (read = reader.Read(buffer)) > 0;)
        {
            output.Write(buffer, 0, read);
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _writer = null;
    }

    private StreamWriter Spill()
    {
        var path = Path.Combine(Path.GetTempPath(), $"pilotfish-{Guid.NewGuid():N}");
        _file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            // Manifests hold secrets.
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });

        // Without a name it ends with the process, however that ends.
        File.Delete(path);
        var writer = new StreamWriter(_file, s_utf8, leaveOpen: true);
        foreach (var chunk in _memory.GetChunks())
        {
            writer.Write(chunk.Span);
        }

        _memory.Clear();
        return writer;
    }
}
