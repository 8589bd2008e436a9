using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// One worker's records for one collector: (1) each is serialized into the batch, or dropped and counted when the batch has reached its
/// bound; (2) a batch is due when it is large or old enough; (3) it leaves when there is a connection with room, until then it grows;
/// (4) after a failure nothing is tried before a back-off. A request never waits for any of it. The worker's loop only.
/// </summary>
internal abstract class Collector
{
    private const int RandomSteps = 1 << 20;

    private readonly LoopTimer _flush;
    private readonly LoopTimer _retry;
    private readonly BackOff _backOff;
    private readonly int _recordField;
    private int _recordStart;
    private bool _waits;
    private Action? _onClosed;

    /// <param name="worker">Whose records these are.</param>
    /// <param name="options">How they travel.</param>
    /// <param name="stats">Where records are counted.</param>
    /// <param name="recordField">Number of the repeated field that holds the records.</param>
    /// <param name="headroomBytes">Room for what comes before them in a message.</param>
    protected Collector(Worker worker, CollectorOptions options, CollectorStats stats, int recordField, int headroomBytes)
    {
        Worker = worker;
        Options = options;
        Stats = stats;
        _recordField = recordField;
        Batch = new LogBatch(headroomBytes);
        _flush = new LoopTimer(worker.Loop, static state => ((Collector)state!).Flush(), this);
        _retry = new LoopTimer(worker.Loop, static state => ((Collector)state!).Flush(), this);
        _backOff = new BackOff(
            options.RetryBaseMilliseconds, options.RetryCapMilliseconds, () => (double)worker.Random.NextBelow(RandomSteps) / RandomSteps);
    }

    protected Worker Worker { get; }

    protected CollectorOptions Options { get; }

    protected CollectorStats Stats { get; }

    protected LogBatch Batch { get; }

    /// <summary>Whether the process ends: what is left is sent, then the calls are ended.</summary>
    protected bool IsClosing => _onClosed is not null;

    /// <summary>Serializes one record, or drops it.</summary>
    public void Write(ILogEntryFormat format, in FormatSource source)
    {
        if (Batch.Bytes >= Options.PendingBytesMax)
        {
            Worker.Stats.Add(Stats.Dropped);
            return;
        }

        WireWriter writer = Batch.Begin();
        _recordStart = writer.Begin(_recordField);
        format.Write(writer, in source);
        writer.End(_recordStart);
        Batch.Commit();
        OnTaken();
        if (Batch.Bytes >= Options.BatchBytes)
        {
            Flush();
        }
        else if (!_flush.IsScheduled)
        {
            _flush.Schedule(Options.FlushMilliseconds);
        }
    }

    /// <summary>Sends what is there as soon as the collector takes it.</summary>
    public void Flush()
    {
        _flush.Cancel();
        if (Batch.Records > 0 && !_waits && !_retry.IsScheduled)
        {
            Send();
        }

        CloseIfDone();
    }

    /// <summary>
    /// Sends what is left without waiting for timers and ends the calls. <paramref name="onClosed"/> runs once, when the collector has
    /// all or when it cannot be reached.
    /// </summary>
    public void Close(Action onClosed)
    {
        _onClosed = onClosed;
        _retry.Cancel();
        Flush();
    }

    /// <summary>A record was put into the batch.</summary>
    protected virtual void OnTaken()
    {
    }

    /// <summary>Sends the batch and clears it, or calls <see cref="Wait"/> or <see cref="Failed"/>.</summary>
    protected abstract void Send();

    /// <summary>While closing: ends calls that carry nothing more; true when none is left.</summary>
    protected abstract bool EndCalls();

    /// <summary>Nothing is sent before <see cref="Ready"/>.</summary>
    protected void Wait() => _waits = true;

    /// <summary>There is room again.</summary>
    protected void Ready()
    {
        _waits = false;
        Flush();
    }

    /// <summary>The collector could not be called, or ended a call with an error.</summary>
    protected void Failed()
    {
        _waits = false;
        if (IsClosing)
        {
            // No time is left for another attempt.
            Worker.Stats.Add(Stats.Dropped, Batch.Records);
            Batch.Clear();
            CloseIfDone();
        }
        else if (!_retry.IsScheduled)
        {
            // Calls that fail together are one failure.
            _retry.Schedule(_backOff.NextMilliseconds());
        }
    }

    /// <summary>The collector works: the next failure begins with the shortest wait.</summary>
    protected void Succeeded() => _backOff.Reset();

    private void CloseIfDone()
    {
        if (_onClosed is { } onClosed && Batch.Records == 0 && EndCalls())
        {
            _onClosed = static () => { };
            onClosed();
        }
    }
}
