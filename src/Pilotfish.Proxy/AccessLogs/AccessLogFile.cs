using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>One file that loggers of any number of listeners append to.</summary>
internal sealed class AccessLogFile(string path, FileWriterThread? writer)
{
    public string Path { get; } = path;

    /// <summary>Null when configuration is only checked.</summary>
    public FileWriterThread? Writer { get; } = writer;

    /// <summary>False when the record found the file's buffers full.</summary>
    public bool TryWrite(ReadOnlySpan<byte> record) => Writer?.Write(record) ?? true;
}
