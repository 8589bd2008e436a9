using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>The access loggers of one connection manager, TCP proxy or listener. Immutable; any worker writes through it.</summary>
public sealed class AccessLogSet
{
    private readonly Entry[] _entries;

    private AccessLogSet(Entry[] entries) => _entries = entries;

    /// <summary>Logs nothing.</summary>
    public static AccessLogSet Empty { get; } = new([]);

    public bool IsEmpty => _entries.Length == 0;

    internal static AccessLogSet Of(List<(AccessLogger Logger, AccessLogFilter? Filter)> loggers)
    {
        if (loggers.Count == 0)
        {
            return Empty;
        }

        Entry[] entries = new Entry[loggers.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new Entry(loggers[i].Logger, loggers[i].Filter);
        }

        return new AccessLogSet(entries);
    }

    /// <summary>Writes one record to each logger whose filter lets it pass, on the worker whose stream it is.</summary>
    public void Write(Worker worker, StreamInfo info, AccessLogType type)
    {
        FormatSource source = new(info, type);
        foreach (ref readonly Entry entry in _entries.AsSpan())
        {
            if (entry.Filter is null || entry.Filter.Passes(in source))
            {
                entry.Logger.Write(worker, in source);
            }
        }
    }

    private readonly record struct Entry(AccessLogger Logger, AccessLogFilter? Filter);
}
