using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Every open access-log file by path, each with its one writer thread. Main loop.</summary>
/// <param name="options">How records gather before they are written.</param>
/// <param name="opensFiles">False to check configuration only: nothing is opened or created.</param>
public sealed class AccessLogFiles(FileWriterOptions options, bool opensFiles = true) : IDisposable
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
                dropped += file.Writer?.DroppedLines ?? 0;
            }

            return dropped;
        }
    }

    /// <summary>After log rotation: the next record of each file goes to a newly opened one.</summary>
    public void Reopen()
    {
        foreach (AccessLogFile file in _files.Values)
        {
            file.Writer?.PostReopen();
        }
    }

    /// <summary>Writes what is buffered and ends the writers.</summary>
    public void Dispose()
    {
        foreach (AccessLogFile file in _files.Values)
        {
            file.Writer?.Dispose();
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
            file = new AccessLogFile(path, opensFiles ? FileWriterThread.Open(path, options) : null);
        }
        catch (IOException e)
        {
            throw new ConfigRejectedException(field, $"the access log '{path}' cannot be opened: {e.Message}", e);
        }

        _files.Add(path, file);
        return file;
    }
}
