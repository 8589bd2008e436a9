using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Formats on the caller's loop into a buffer of that thread and hands the record to the file's writer thread.</summary>
internal sealed class FileAccessLogger(IRecordFormat format, AccessLogFile file, FileLogStats stats) : AccessLogger
{
    [ThreadStatic]
    private static FormatOutput? t_record;

    [ThreadStatic]
    private static FormatOutput? t_scratch;

    public override void Write(Worker worker, in FormatSource source)
    {
        FormatOutput record = t_record ??= new FormatOutput();
        record.Clear();
        format.Append(record, t_scratch ??= new FormatOutput(), in source);
        worker.Stats.Add(file.TryWrite(record.Written) ? stats.Buffered : stats.Dropped);
    }
}
