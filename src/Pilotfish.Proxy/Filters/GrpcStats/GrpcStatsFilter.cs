using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.GrpcStats;

/// <summary>
/// Statistics of one gRPC request, under <c>cluster.NAME.grpc.</c>: by status (with service and method where asked for), success, failure,
/// total, and messages each way. Names by method are looked up at the request's end; those of the cluster once.
/// </summary>
internal sealed class GrpcStatsFilter(GrpcStatsModel model) : HttpFilter
{
    private const int StatusUnknown = 2;
    private const string ClusterPrefix = "grpc.";

    private GrpcMessageCounter _requests;
    private GrpcMessageCounter _responses;
    private GrpcMessageCounts? _counts;
    private int _status = -1;
    private bool _isGrpc;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        _isGrpc = GrpcText.IsGrpcRequest(headers);
        if (_isGrpc && model.EmitsFilterState)
        {
            _counts = new GrpcMessageCounts();
            Stream.Info.EnsureFilterState().Set(GrpcMessageCounts.Key, _counts);
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        if (_isGrpc)
        {
            _requests.Add(data);
        }

        if (_counts is not null)
        {
            _counts.RequestMessages = _requests.Count;
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        ReadStatus(headers);
        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end)
    {
        if (_isGrpc)
        {
            _responses.Add(data);
        }

        if (_counts is not null)
        {
            _counts.ResponseMessages = _responses.Count;
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseTrailers(HeaderMap trailers)
    {
        ReadStatus(trailers);
        return FilterVerdict.Continue;
    }

    public override void OnEnd(StreamInfo info)
    {
        Clusters.ClusterReference? reference = Stream.WeightedCluster is { } weighted ? weighted.Cluster : Stream.Route?.Forward?.Cluster;
        if (!_isGrpc || reference?.Current is not { } cluster)
        {
            return;
        }

        StatCells cells = Stream.Worker.Stats;
        string prefix = MethodPrefix();
        if (prefix == ClusterPrefix)
        {
            Count(ClusterHttp.Of(cluster).Grpc, cells, info);
            return;
        }

        StatScope scope = cluster.Stats.Scope;
        cells.Add(scope.Counter($"{prefix}request_message_count"), _requests.Count);
        cells.Add(scope.Counter($"{prefix}response_message_count"), _responses.Count);
        if (_status >= 0)
        {
            cells.Add(scope.Counter($"{prefix}{_status}"));
            cells.Add(scope.Counter(_status == 0 ? $"{prefix}success" : $"{prefix}failure"));
            cells.Add(scope.Counter($"{prefix}total"));
        }

        if (model.MeasuresUpstream && info.Times.UpstreamSendBegin > 0)
        {
            cells.Record(scope.Histogram($"{prefix}upstream_rq_time"), (Stream.Loop.NowNanoseconds - info.Times.UpstreamSendBegin) / 1_000_000);
        }
    }

    private void Count(GrpcClusterStats stats, StatCells cells, StreamInfo info)
    {
        cells.Add(stats.RequestMessages, _requests.Count);
        cells.Add(stats.ResponseMessages, _responses.Count);
        if (_status >= 0)
        {
            cells.Add(stats.Status(_status));
            cells.Add(_status == 0 ? stats.Success : stats.Failure);
            cells.Add(stats.Total);
        }

        if (model.MeasuresUpstream && info.Times.UpstreamSendBegin > 0)
        {
            cells.Record(stats.UpstreamTime, (Stream.Loop.NowNanoseconds - info.Times.UpstreamSendBegin) / 1_000_000);
        }
    }

    private void ReadStatus(HeaderMap headers)
    {
        if (!headers.TryGet(WellKnownHeader.GrpcStatus, out ReadOnlySpan<byte> text))
        {
            return;
        }

        // Statuses outside gRPC's list share one name: a peer must not invent statistics.
        bool known = DecimalText.TryParse(text, out int status) && status <= GrpcClusterStats.StatusMax;
        _status = known ? status : StatusUnknown;
    }

    private string MethodPrefix()
    {
        if (!model.CountsEveryMethod && model.Methods is null)
        {
            return ClusterPrefix;
        }

        string path = Encoding.UTF8.GetString(Stream.RequestHeaders[WellKnownHeader.Path]);
        int slash = path.LastIndexOf('/');
        if (slash <= 0 || !(model.CountsEveryMethod || model.Methods!.Contains(path)))
        {
            return ClusterPrefix;
        }

        string service = path[1..slash];
        return $"grpc.{(model.ReplacesDots ? service.Replace('.', '_') : service)}.{path[(slash + 1)..]}.";
    }
}
