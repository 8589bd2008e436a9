using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>
/// A thread that owns one output file and does its blocking writes, so that no request ever waits for a disk or a reader of a
/// pipe. Writing copies into a bounded double buffer without a lock; what finds both halves full is dropped and counted. A write
/// that fails (full disk, closed pipe) costs what was gathered, counted as well; the next batch tries again.
/// </summary>
public sealed class FileWriterThread : IDisposable
{
    /// <summary>Swaps that one append may run into before it counts as dropped; two would need the writer to lap the caller.</summary>
    private const int AppendAttemptsMax = 3;

    // Set once.
    private readonly FileWriterOptions _options;
    private readonly string? _path;
    private readonly SwapBuffer _first;
    private readonly SwapBuffer _second;
    private readonly Thread _thread;

    // Setting it is one call that never waits, and only on the crossing of a threshold.
    private readonly WakeSignal _wake = new();
    private readonly ManualResetEventSlim _flushed = new(false);

    // Any thread, atomically.
    private volatile SwapBuffer _open;
    private long _droppedLines;
    private long _droppedBytes;
    private long _writtenBytes;
    private long _writes;
    private long _failedWrites;
    private long _timedFlushes;
    private long _failedReopens;
    private int _wakePending;
    private int _resting;
    private volatile bool _reopen;
    private volatile bool _stopping;
    private volatile int _flushRequests;

    // Writer thread only.
    private int _fd;

    private FileWriterThread(int fd, string? path, string name, FileWriterOptions options)
    {
        _options = options;
        _path = path;
        _fd = fd;
        _first = new SwapBuffer(options.BufferBytes);
        _second = new SwapBuffer(options.BufferBytes);
        _first.Open();
        _open = _first;
        _thread = new Thread(Run) { IsBackground = true, Name = "write " + name };
        _thread.Start();
    }

    /// <summary>Lines that found both halves full.</summary>
    public long DroppedLines => Volatile.Read(ref _droppedLines);

    /// <summary>Bytes that found both halves full or whose write failed.</summary>
    public long DroppedBytes => Volatile.Read(ref _droppedBytes);

    public long WrittenBytes => Volatile.Read(ref _writtenBytes);

    /// <summary>Batches that were written whole.</summary>
    public long Writes => Volatile.Read(ref _writes);

    /// <summary>Batches of which a part was lost.</summary>
    public long FailedWrites => Volatile.Read(ref _failedWrites);

    /// <summary>Batches that were written because their time had come, not because they were large.</summary>
    public long TimedFlushes => Volatile.Read(ref _timedFlushes);

    /// <summary>Times that the path could not be opened anew; the old file stays in use then.</summary>
    public long FailedReopens => Volatile.Read(ref _failedReopens);

    /// <summary>Whether the thread waits without a limit, for the first line after nothing was left to write. Internal for testing.</summary>
    internal bool IsResting => Volatile.Read(ref _resting) != 0;

    /// <summary>Bytes that wait to be written.</summary>
    public long BufferedBytes => _open.ReservedBytes;

    /// <summary>Opens a file for appending. /dev/stdout and /dev/stderr mean descriptors 1 and 2, which need not be reopenable.</summary>
    public static FileWriterThread Open(string path, FileWriterOptions options)
    {
        int standard = path switch { "/dev/stdout" => 1, "/dev/stderr" => 2, _ => -1 };
        if (standard > 0)
        {
            return ForDescriptor(standard, path, options);
        }

        int fd = FileCalls.OpenAppend(path, out int errno);
        return fd >= 0
            ? new FileWriterThread(fd, path, path, options)
            : throw new IOException($"The file '{path}' cannot be opened for appending: {Errno.Text(errno)}.");
    }

    /// <summary>Writes to a descriptor that stays open afterwards.</summary>
    public static FileWriterThread ForDescriptor(int descriptor, string name, FileWriterOptions options) =>
        new(descriptor, null, name, options);

    /// <summary>Appends one line (or several) as a whole; false when it was dropped. Any thread, never blocks.</summary>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        for (int attempt = 0; attempt < AppendAttemptsMax; attempt++)
        {
            SwapBuffer open = _open;
            switch (open.TryAppend(bytes))
            {
                case SwapBuffer.AppendOutcome.Appended:
                    if (open.ReservedBytes >= _options.FlushBytesMin)
                    {
                        WakeWriter();
                    }
                    else if (Volatile.Read(ref _resting) != 0 && Interlocked.Exchange(ref _resting, 0) != 0)
                    {
                        // The append was atomic, so either it is seen by the thread before it rests or the rest is seen here.
                        _wake.Set();
                    }

                    return true;
                case SwapBuffer.AppendOutcome.Full:
                    WakeWriter();
                    attempt = AppendAttemptsMax;
                    break;
                default:
                    break;
            }
        }

        Interlocked.Increment(ref _droppedLines);
        Interlocked.Add(ref _droppedBytes, bytes.Length);
        return false;
    }

    /// <summary>Opens the path anew before the next write, after log rotation. Any thread.</summary>
    public void PostReopen()
    {
        _reopen = true;
        WakeWriter();
    }

    /// <summary>Waits until everything appended before is written, or the limit passes. Never from a loop that serves.</summary>
    public bool Flush(TimeSpan limit)
    {
        _flushed.Reset();
        Interlocked.Increment(ref _flushRequests);
        _wake.Set();
        return _flushed.Wait(limit);
    }

    /// <summary>Writes what is left, for at most a second (a reader that is stuck must not hold up the exit), and ends the thread.</summary>
    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _wake.Set();
        if (_thread.Join(TimeSpan.FromSeconds(1)))
        {
            _wake.Dispose();
            _flushed.Dispose();
        }
    }

    private void WakeWriter()
    {
        if (Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            _wake.Set();
        }
    }

    // A thousand idle sidecars must not wake fifty times a second each: with nothing to write the thread waits for the first line, and only then
    // for the interval in which others may join it.
    private void Rest()
    {
        Interlocked.Exchange(ref _resting, 1);
        if (BufferedBytes == 0 && !IsAsked)
        {
            _wake.Wait(null);
            Volatile.Write(ref _resting, 0);
        }
        else if (Interlocked.Exchange(ref _resting, 0) == 0)
        {
            // An appender was faster and is about to signal: its signal must not cut the interval short.
            _wake.Wait(null);
        }
    }

    // Something that must not wait for the interval.
    private bool IsAsked => _stopping || _reopen || _flushRequests > 0 || Volatile.Read(ref _wakePending) != 0;

    private void Run()
    {
        while (true)
        {
            Rest();
            bool isAsked = IsAsked;
            bool isTimed = !_wake.Wait(isAsked ? TimeSpan.Zero : _options.FlushInterval) && !isAsked;
            bool stopping = _stopping;
            if (isTimed && BufferedBytes > 0)
            {
                Interlocked.Increment(ref _timedFlushes);
            }

            Volatile.Write(ref _wakePending, 0);
            int flushRequests = _flushRequests;
            if (_reopen)
            {
                _reopen = false;
                Reopen();
            }

            WriteGathered();
            if (flushRequests > 0)
            {
                Interlocked.Add(ref _flushRequests, -flushRequests);
                _flushed.Set();
            }

            if (stopping)
            {
                break;
            }
        }

        if (_path is not null)
        {
            FileCalls.Close(_fd);
        }
    }

    private void WriteGathered()
    {
        SwapBuffer full = _open;
        if (full.ReservedBytes == 0)
        {
            return;
        }

        SwapBuffer empty = full == _first ? _second : _first;
        empty.Open();
        _open = empty;
        WriteAll(full.Close());
    }

    private void WriteAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int n = FileCalls.Write(_fd, bytes, out int errno);
            if (n > 0)
            {
                Interlocked.Add(ref _writtenBytes, n);
                bytes = bytes[n..];
                continue;
            }

            if (errno == Errno.EAGAIN)
            {
                // Somebody made the shared descriptor non-blocking (a terminal's other user); wait for it on this thread.
                FileCalls.WaitWritable(_fd);
                continue;
            }

            Interlocked.Add(ref _droppedBytes, bytes.Length);
            Interlocked.Increment(ref _failedWrites);
            return;
        }

        Interlocked.Increment(ref _writes);
    }

    private void Reopen()
    {
        if (_path is null)
        {
            return;
        }

        int fd = FileCalls.OpenAppend(_path, out _);
        if (fd >= 0)
        {
            FileCalls.Close(_fd);
            _fd = fd;
        }
        else
        {
            Interlocked.Increment(ref _failedReopens);
        }
    }
}
