using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Every open access-log file by path, each with its one writer thread. Main loop.</summary>
public sealed class AccessLogFiles(FileWriterOptions options) : IDisposable
{
    private readonly Dictionary<string, AccessLogFile> _files = [];

    /// <summary>Records that found their file's buffers full, over all files.</summary>
    public long DroppedRecords
    {
        get
        {
            long dropped = 0;
            foreach (AccessLogFile file in _files.Values)
            {
                dropped += file.Writer.DroppedLines;
            }

            return dropped;
        }
    }

    /// <summary>After log rotation: the next record of each file goes to a newly opened one.</summary>
    public void Reopen()
    {
        foreach (AccessLogFile file in _files.Values)
        {
            file.Writer.PostReopen();
        }
    }

    /// <summary>Writes what is buffered and ends the writers.</summary>
    public void Dispose()
    {
        foreach (AccessLogFile file in _files.Values)
        {
            file.Writer.Dispose();
        }

        _files.Clear();
    }

    internal AccessLogFile Open(string path, string field)
    {
        if (_files.TryGetValue(path, out AccessLogFile? file))
        {
            return file;
        }

        try
        {
            file = new AccessLogFile(path, FileWriterThread.Open(path, options));
        }
        catch (IOException e)
        {
            throw new ConfigRejectedException(field, $"the access log '{path}' cannot be opened: {e.Message}", e);
        }

        _files.Add(path, file);
        return file;
    }
}
