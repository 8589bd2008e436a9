using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// The process's log, on standard error unless told otherwise, in Envoy's default line format:
/// <c>[2026-01-31 10:20:30.123][thread][level][component] text</c>. Any thread; a line is formatted by its caller and written by the
/// log's own thread, so a blocked terminal or pipe costs lines (counted), never time.
/// </summary>
public static class Log
{
    private const int StandardError = 2;
    private const int BufferBytes = 256 * 1024;

    // Log lines are read while they happen: short delay, no gathering.
    private static readonly TimeSpan s_flushInterval = TimeSpan.FromMilliseconds(20);

    private static FileWriterOptions Options => new() { BufferBytes = BufferBytes, FlushInterval = s_flushInterval };

    private static readonly Lock s_lock = new();
    private static volatile FileWriterThread? s_writer;
    private static volatile Action<LogLevel, LogComponent, string>? s_sink;

    [ThreadStatic]
    private static int t_threadId;

    /// <summary>Receives lines instead of standard error; null restores it. For tests and for roles with another log format.</summary>
    public static Action<LogLevel, LogComponent, string>? Sink
    {
        get => s_sink;
        set => s_sink = value;
    }

    public static bool IsEnabled(LogComponent component, LogLevel level) => component.IsEnabled(level);

    /// <summary>Sets every component's level.</summary>
    public static void SetLevel(LogLevel level)
    {
        foreach (LogComponent component in LogComponent.All)
        {
            component.Level = level;
        }
    }

    /// <summary>Reads trace, debug, info, warning (warn), error (err), critical, off.</summary>
    public static bool TryParseLevel(ReadOnlySpan<char> text, out LogLevel level)
    {
        (level, bool known) = text switch
        {
            "trace" => (LogLevel.Trace, true),
            "debug" => (LogLevel.Debug, true),
            "info" => (LogLevel.Info, true),
            "warning" or "warn" => (LogLevel.Warning, true),
            "error" or "err" => (LogLevel.Error, true),
            "critical" => (LogLevel.Critical, true),
            "off" => (LogLevel.Off, true),
            _ => (LogLevel.Info, false),
        };
        return known;
    }

    public static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Info => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        LogLevel.Critical => "critical",
        _ => "off",
    };

    public static void Trace(LogComponent component, [InterpolatedStringHandlerArgument("component")] ref TraceMessage message)
    {
        if (message.Inner.IsEnabled)
        {
            Write(LogLevel.Trace, component, message.Inner.Take());
        }
    }

    public static void Debug(LogComponent component, [InterpolatedStringHandlerArgument("component")] ref DebugMessage message)
    {
        if (message.Inner.IsEnabled)
        {
            Write(LogLevel.Debug, component, message.Inner.Take());
        }
    }

    public static void Info(LogComponent component, string message) => Write(LogLevel.Info, component, message);

    public static void Warning(LogComponent component, string message) => Write(LogLevel.Warning, component, message);

    public static void Error(LogComponent component, string message) => Write(LogLevel.Error, component, message);

    public static void Critical(LogComponent component, string message) => Write(LogLevel.Critical, component, message);

    public static void Write(LogLevel level, LogComponent component, string message)
    {
        if (!component.IsEnabled(level))
        {
            return;
        }

        if (s_sink is { } sink)
        {
            sink(level, component, message);
            return;
        }

        string line = FormatLine(SystemLoopClock.Instance.WallNow, ThreadId(), level, component, message);
        EnsureStarted()?.Write(Encoding.UTF8.GetBytes(line));
    }

    /// <summary>
    /// From now on lines are appended to a file, which is made where it is missing. For the start of a process: what was logged before stays where
    /// it went. Lines reach the file within some 20 ms.
    /// </summary>
    /// <exception cref="IOException">The file cannot be opened for appending; the log goes where it went.</exception>
    public static void WriteTo(string path)
    {
        lock (s_lock)
        {
            // The writer before it, if there is one, keeps its thread: a caller that holds it must not find it gone.
            s_writer = FileWriterThread.Open(path, Options);
        }
    }

    /// <summary>Opens the file anew before the next line, after its rotation; nothing where the log is no file. Any thread.</summary>
    public static void PostReopen() => s_writer?.PostReopen();

    /// <summary>Waits until what was logged is written, or the limit passes. For process exit.</summary>
    public static void Flush(TimeSpan limit) => s_writer?.Flush(limit);

    internal static string FormatLine(DateTimeOffset when, int threadId, LogLevel level, LogComponent component, string message) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"[{when:yyyy-MM-dd HH:mm:ss.fff}][{threadId}][{NameOf(level)}][{component.Name}] {message}\n");

    /// <summary>
    /// Starts the log's thread. Loops do it when they are made, because a thread cannot be made once descriptors have run out,
    /// which is when the log has something to say. Null when even so it could not be had: the line is lost.
    /// </summary>
    internal static FileWriterThread? EnsureStarted()
    {
        if (s_writer is { } writer)
        {
            return writer;
        }

        lock (s_lock)
        {
            try
            {
                return s_writer ??= FileWriterThread.ForDescriptor(StandardError, "log", Options);
            }
            // How the runtime reports that the kernel gave no thread or no descriptor for one. A lost line is the lesser harm.
            catch (OutOfMemoryException)
            {
                return null;
            }
        }
    }

    private static int ThreadId()
    {
        if (t_threadId == 0)
        {
            t_threadId = FileCalls.ThreadId();
        }

        return t_threadId;
    }
}
