using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Every open access-log file by path, each with its one writer thread. Main loop.</summary>
/// <param name="options">How records gather before they are written.</param>
/// <param name="opensFiles">False to check configuration only: nothing is opened or created.</param>
public sealed class AccessLogFiles(FileWriterOptions options, bool opensFiles = true) : IDisposable
{
    private readonly Dictionary<string, AccessLogFile> _files = [];
    private FileLogStats? _stats;
    private StatCells? _cells;
    private WriterCounts _published;

    /// <summary>Brings the statistics that writer threads count up to date, before a report.</summary>
    public void Publish()
    {
        if (_stats is not { } stats || _cells is not { } cells)
        {
            return;
        }

        var now = new WriterCounts(0, 0, 0, 0);
        long buffered = 0;
        foreach (AccessLogFile file in _files.Values)
        {
            if (file.Writer is { } writer)
            {
                now = now.With(writer);
                buffered += writer.BufferedBytes;
            }
        }

        cells.Add(stats.Completed, now.Writes - _published.Writes);
        cells.Add(stats.Failed, now.FailedWrites - _published.FailedWrites);
        cells.Add(stats.FlushedByTimer, now.TimedFlushes - _published.TimedFlushes);
        cells.Add(stats.ReopenFailed, now.FailedReopens - _published.FailedReopens);
        cells.Set(stats.TotalBuffered, buffered);
        _published = now;
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

    /// <summary>The statistics of all files; made with the first.</summary>
    internal FileLogStats StatsOf(StatsStore store)
    {
        _cells ??= store.Main;
        return _stats ??= new FileLogStats(store.Scope(FileLogStats.Prefix));
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
            throw new ConfigRejectedException(field, $"the access log '{path}' cannot be opened: {FailureText.Of(e)}", e);
        }

        _files.Add(path, file);
        return file;
    }

    private readonly record struct WriterCounts(long Writes, long FailedWrites, long TimedFlushes, long FailedReopens)
    {
        public WriterCounts With(FileWriterThread writer) => new(
            Writes + writer.Writes, FailedWrites + writer.FailedWrites, TimedFlushes + writer.TimedFlushes,
            FailedReopens + writer.FailedReopens);
    }
}
