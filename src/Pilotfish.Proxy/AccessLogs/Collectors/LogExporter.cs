using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Logs.V1;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// Sends batches as calls of opentelemetry.proto.collector.logs.v1.LogsService.Export, a few at a time. A record counts as written when
/// the collector said so. A call that reached the collector and failed is not repeated: its records are dropped and counted.
/// </summary>
internal sealed class LogExporter : Collector
{
    // ScopeLogs.log_records
    private const int RecordField = 2;

    // ResourceLogs.scope_logs, ExportLogsServiceRequest.resource_logs
    private const byte ScopeLogsTag = 0x12;
    private const byte ResourceLogsTag = 0x0A;
    private const int PrefixBytesMax = 12;

    // While this many wait for their answer the next batch grows instead: a slow collector gets fewer, larger calls.
    private const int UnansweredMax = 4;

    private readonly byte[] _resource;
    private readonly byte[] _prefix;

    // Calls that were answered, for the next batches. No more than may be under way, and the one that waits for a connection.
    private readonly Stack<LogExport> _idle = new(UnansweredMax + 1);
    private LogExport? _opening;
    private int _unanswered;
    private bool _isSending;

    /// <param name="worker">Whose records these are.</param>
    /// <param name="options">How they travel.</param>
    /// <param name="stats">Where records are counted.</param>
    /// <param name="resource">ResourceLogs.resource as a field, serialized.</param>
    public LogExporter(Worker worker, CollectorOptions options, CollectorStats stats, byte[] resource)
        : base(worker, options, stats, RecordField, resource.Length + PrefixBytesMax)
    {
        _resource = resource;
        _prefix = new byte[resource.Length + PrefixBytesMax];
    }

    internal AsyncGrpcStream NewCall(LogExport export, GrpcMethod method) =>
        new(Worker, Options.Cluster, method, Options.Grpc, export);

    /// <summary>The call that waits for a connection has one.</summary>
    internal void OnConnected() => Ready();

    /// <summary>The call that waits for a connection got none; its batch is still here.</summary>
    internal void OnUnreachable()
    {
        _opening = null;
        Failed();
    }

    internal void OnAnswered(LogExport export, int records, ReadOnlySpan<byte> response)
    {
        _unanswered--;
        long rejected = response.IsEmpty ? 0 : Rejected(response);
        rejected = Math.Clamp(rejected, 0, records);
        Worker.Stats.Add(Stats.Written, records - rejected);
        Worker.Stats.Add(Stats.Dropped, rejected);
        Succeeded();
        Ready();

        // Last: what Ready sends must not go over a call that is still telling its end.
        if (_idle.Count <= UnansweredMax)
        {
            _idle.Push(export);
        }
    }

    internal void OnRefused(int records)
    {
        _unanswered--;
        if (_isSending)
        {
            // It failed while it was sent: what failed is the batch itself.
            Batch.Clear();
        }

        Worker.Stats.Add(Stats.Dropped, records);
        Failed();
    }

    protected override void Send()
    {
        if (_opening is null && !Open())
        {
            return;
        }

        if (!_opening!.HasConnection)
        {
            Wait();
            return;
        }

        ReadOnlySpan<byte> message = Batch.Complete(_prefix.AsSpan(0, WritePrefix(_prefix)));
        LogExport export = _opening;
        _opening = null;
        _unanswered++;
        _isSending = true;
        export.Send(message, Batch.Records);
        _isSending = false;
        Batch.Clear();
    }

    protected override bool EndCalls()
    {
        _opening?.Cancel();
        _opening = null;
        return _unanswered == 0;
    }

    private static long Rejected(ReadOnlySpan<byte> response)
    {
        try
        {
            return ExportLogsServiceResponse.Parser.ParseFrom(response).PartialSuccess?.RejectedLogRecords ?? 0;
        }
        catch (InvalidProtocolBufferException)
        {
            // The status said OK; an answer that cannot be read rejects nothing.
            return 0;
        }
    }

    private bool Open()
    {
        if (_unanswered >= UnansweredMax)
        {
            Wait();
            return false;
        }

        LogExport export = _idle.TryPop(out LogExport? idle) ? idle : new LogExport(this);
        _opening = export;
        export.Start(Options.Metadata);
        return _opening == export;
    }

    private int WritePrefix(Span<byte> prefix)
    {
        Span<byte> scope = stackalloc byte[PrefixBytesMax];
        scope[0] = ScopeLogsTag;
        int scopeBytes = 1 + WireWriter.WriteVarint(scope[1..], (ulong)Batch.Bytes);
        prefix[0] = ResourceLogsTag;
        int length = 1 + WireWriter.WriteVarint(prefix[1..], (ulong)(_resource.Length + scopeBytes + Batch.Bytes));
        _resource.CopyTo(prefix[length..]);
        length += _resource.Length;
        scope[..scopeBytes].CopyTo(prefix[length..]);
        return length + scopeBytes;
    }
}
