using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// Sends batches over one call of envoy.service.accesslog.v3.AccessLogService.StreamAccessLogs, which stays open. The first message of a
/// stream tells who sends. The service answers nothing, so what was under way when a connection broke is lost, as it is under Envoy.
/// </summary>
internal sealed class AccessLogStream : Collector, IAsyncGrpcEvents
{
    // StreamAccessLogsMessage.{HTTP,TCP}AccessLogEntries.log_entry
    private const int EntryField = 1;

    // StreamAccessLogsMessage.http_logs, tcp_logs
    private const byte HttpLogsTag = 0x12;
    private const byte TcpLogsTag = 0x1A;

    // Tag and length of the entries.
    private const int EntriesPrefixBytesMax = 6;

    // A stream that no configuration writes to any more is ended within two of these.
    private const long IdleMilliseconds = 60_000;

    private static readonly GrpcMethod s_method = new("envoy.service.accesslog.v3.AccessLogService", "StreamAccessLogs");

    // The identifier, the entries' tag, room for their length. A node's metadata makes it too large for the stack.
    private readonly byte[] _prefix;
    private readonly int _identifierBytes;
    private readonly WeakReference<CollectorSink> _owner;
    private readonly LoopTimer _idle;
    private AsyncGrpcStream? _stream;
    private bool _isIdentified;
    private bool _isHalfClosed;
    private long _opened;

    /// <param name="owner">Whom configuration holds; when it is gone, nobody writes here any more.</param>
    /// <param name="worker">Whose records these are.</param>
    /// <param name="options">How they travel.</param>
    /// <param name="stats">Where records are counted.</param>
    /// <param name="identifier">The message's identifier field, serialized.</param>
    /// <param name="isHttp">Whether entries are HTTPAccessLogEntry or TCPAccessLogEntry.</param>
    public AccessLogStream(
        CollectorSink owner, Worker worker, CollectorOptions options, CollectorStats stats, byte[] identifier, bool isHttp)
        : base(worker, options, stats, EntryField, identifier.Length + EntriesPrefixBytesMax)
    {
        _prefix = [.. identifier, isHttp ? HttpLogsTag : TcpLogsTag, 0, 0, 0, 0, 0];
        _identifierBytes = identifier.Length;
        _owner = new WeakReference<CollectorSink>(owner);
        _idle = new LoopTimer(worker.Loop, static state => ((AccessLogStream)state!).OnIdle(), this);
    }

    public void OnInitialMetadata(HeaderMap headers)
    {
    }

    public void OnMessage(ReadOnlySpan<byte> message)
    {
    }

    public void OnWritable() => Ready();

    public void OnEnd(in GrpcEnd end)
    {
        _stream = null;
        _idle.Cancel();
        if (_isIdentified && Worker.Loop.NowMilliseconds - _opened > Options.RetryCapMilliseconds)
        {
            Succeeded();
        }

        Failed();
    }

    protected override void OnTaken() => Worker.Stats.Add(Stats.Written);

    protected override void Send()
    {
        if (_stream is null && !Open())
        {
            return;
        }

        if (!_stream!.HasConnection())
        {
            Wait();
            return;
        }

        int length = WireWriter.WriteVarint(_prefix.AsSpan(_identifierBytes + 1), (ulong)Batch.Bytes);
        ReadOnlySpan<byte> prefix = _prefix.AsSpan(0, _identifierBytes + 1 + length);
        if (_stream.TrySend(Batch.Complete(_isIdentified ? prefix[_identifierBytes..] : prefix), end: false))
        {
            _isIdentified = true;
            Batch.Clear();
        }
        else if (_stream is not null)
        {
            Wait();
        }
    }

    protected override bool EndCalls()
    {
        if (_stream is { } stream && !_isHalfClosed)
        {
            _isHalfClosed = true;
            stream.CloseSend();
        }

        return _stream is null;
    }

    // False when the call failed at once.
    private bool Open()
    {
        _isIdentified = false;
        _isHalfClosed = false;
        _opened = Worker.Loop.NowMilliseconds;
        var stream = new AsyncGrpcStream(Worker, Options.Cluster, s_method, Options.Grpc, this);
        _stream = stream;
        _idle.Schedule(IdleMilliseconds);
        stream.Start(Options.Metadata);
        return _stream == stream;
    }

    private void OnIdle()
    {
        _idle.Schedule(IdleMilliseconds);
        if (Batch.Records > 0 || _owner.TryGetTarget(out _))
        {
            return;
        }

        if (!_isHalfClosed)
        {
            _isHalfClosed = true;
            _stream?.CloseSend();
            return;
        }

        // The service was told and did not end the stream by itself.
        _idle.Cancel();
        _stream?.Cancel();
        _stream = null;
    }
}
