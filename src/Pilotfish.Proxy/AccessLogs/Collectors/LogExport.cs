using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// One call of an exporter at a time: it waits for a connection, carries one batch, hears one answer. Reused once it was answered. The worker's
/// loop only.
/// </summary>
internal sealed class LogExport : IAsyncGrpcEvents
{
    private static readonly GrpcMethod s_method = new("opentelemetry.proto.collector.logs.v1.LogsService", "Export");

    private readonly LogExporter _exporter;
    private readonly AsyncGrpcStream _call;
    private byte[] _response = [];
    private int _records;
    private bool _started;
    private bool _sent;

    public LogExport(LogExporter exporter)
    {
        _exporter = exporter;
        _call = exporter.NewCall(this, s_method);
    }

    public bool HasConnection => _call.HasConnection();

    public void Start(HeaderMap? metadata)
    {
        if (_started)
        {
            _call.Renew();
            _response = [];
            _sent = false;
        }

        _started = true;
        _call.Start(metadata);
    }

    /// <summary>Sends the batch whole; only after <see cref="HasConnection"/>.</summary>
    public void Send(ReadOnlySpan<byte> message, int records)
    {
        _sent = true;
        _records = records;
        _call.TrySend(message, end: true);
    }

    public void Cancel() => _call.Cancel();

    public void OnInitialMetadata(HeaderMap headers)
    {
    }

    // Empty unless the collector rejects records.
    public void OnMessage(ReadOnlySpan<byte> message) => _response = message.ToArray();

    public void OnEnd(in GrpcEnd end)
    {
        if (!_sent)
        {
            _exporter.OnUnreachable();
        }
        else if (end.Status == GrpcStatusCode.Ok)
        {
            _exporter.OnAnswered(this, _records, _response);
        }
        else
        {
            _exporter.OnRefused(_records);
        }
    }

    public void OnWritable()
    {
        if (!_sent)
        {
            _exporter.OnConnected();
        }
    }
}
