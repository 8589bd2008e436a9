using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary>A compiled HTTPFault. Immutable.</summary>
public sealed class FaultPolicy
{
    private readonly HeaderMatch[] _headers;
    private readonly byte[][] _downstreamNodes;

    private FaultPolicy(HTTPFault fault, string field)
    {
        UpstreamCluster = fault.UpstreamCluster;
        _headers = HeaderMatch.CompileAll(fault.Headers, $"{field}.headers");
        _downstreamNodes = new byte[fault.DownstreamNodes.Count][];
        for (int i = 0; i < _downstreamNodes.Length; i++)
        {
            _downstreamNodes[i] = System.Text.Encoding.UTF8.GetBytes(fault.DownstreamNodes[i]);
        }

        ActiveFaultsMax = fault.MaxActiveFaults ?? uint.MaxValue;
        ReadDelay(fault.Delay, field);
        ReadAbort(fault.Abort, field);
        ReadRateLimit(fault.ResponseRateLimit, field);
    }

    /// <summary>Faults apply to requests for this cluster only; empty = any.</summary>
    public string UpstreamCluster { get; }

    /// <summary>max_active_faults: beyond it requests pass without a fault.</summary>
    public uint ActiveFaultsMax { get; }

    public Fraction DelayFraction { get; private set; }

    public long DelayMilliseconds { get; private set; }

    /// <summary>Whether the client names the delay in x-envoy-fault-delay-request.</summary>
    public bool DelayFromHeader { get; private set; }

    public Fraction AbortFraction { get; private set; }

    /// <summary>0 when the abort has a gRPC status instead, or comes from headers.</summary>
    public int AbortStatus { get; private set; }

    public int? AbortGrpcStatus { get; private set; }

    public bool AbortFromHeader { get; private set; }

    public Fraction RateFraction { get; private set; }

    /// <summary>KiB per second; 0 = no limit.</summary>
    public long RateKilobytes { get; private set; }

    public bool RateFromHeader { get; private set; }

    public static FaultPolicy Compile(HTTPFault fault, string field) => new(fault, field);

    public bool AppliesTo(HttpStream stream)
    {
        if (UpstreamCluster.Length > 0 && ClusterName(stream) != UpstreamCluster)
        {
            return false;
        }

        return IsFromNode(stream.RequestHeaders) && HeaderMatch.AllMatch(_headers, stream.RequestHeaders);
    }

    private static string? ClusterName(HttpStream stream) =>
        stream.WeightedCluster is { } weighted ? weighted.Cluster?.Name : stream.Route?.Forward?.Cluster?.Name;

    private bool IsFromNode(HeaderMap headers)
    {
        if (_downstreamNodes.Length == 0)
        {
            return true;
        }

        ReadOnlySpan<byte> node = headers[WellKnownHeader.XEnvoyDownstreamServiceNode];
        foreach (byte[] wanted in _downstreamNodes)
        {
            if (node.SequenceEqual(wanted))
            {
                return true;
            }
        }

        return false;
    }

    private void ReadDelay(FaultDelay? delay, string field)
    {
        if (delay is null)
        {
            return;
        }

        DelayFraction = Fraction.Of(delay.Percentage);
        DelayFromHeader = delay.FaultDelaySecifierCase == FaultDelay.FaultDelaySecifierOneofCase.HeaderDelay;
        if (delay.FaultDelaySecifierCase == FaultDelay.FaultDelaySecifierOneofCase.FixedDelay)
        {
            DelayMilliseconds = (delay.FixedDelay.Seconds * 1000) + (delay.FixedDelay.Nanos / 1_000_000);
            if (DelayMilliseconds < 0)
            {
                throw new ConfigRejectedException($"{field}.delay.fixed_delay", $"the delay '{delay.FixedDelay}' is negative");
            }
        }
    }

    private void ReadAbort(FaultAbort? abort, string field)
    {
        if (abort is null)
        {
            return;
        }

        AbortFraction = Fraction.Of(abort.Percentage);
        switch (abort.ErrorTypeCase)
        {
            case FaultAbort.ErrorTypeOneofCase.HttpStatus when abort.HttpStatus is >= 200 and < 600:
                AbortStatus = (int)abort.HttpStatus;
                break;
            case FaultAbort.ErrorTypeOneofCase.HttpStatus:
                throw new ConfigRejectedException($"{field}.abort.http_status", $"'{abort.HttpStatus}' is not within 200 to 599");
            case FaultAbort.ErrorTypeOneofCase.GrpcStatus:
                AbortGrpcStatus = (int)abort.GrpcStatus;
                break;
            case FaultAbort.ErrorTypeOneofCase.HeaderAbort:
                AbortFromHeader = true;
                break;
            default:
                throw new ConfigRejectedException($"{field}.abort", "the abort names neither http_status, grpc_status nor header_abort");
        }
    }

    private void ReadRateLimit(FaultRateLimit? limit, string field)
    {
        if (limit is null)
        {
            return;
        }

        RateFraction = Fraction.Of(limit.Percentage);
        RateFromHeader = limit.LimitTypeCase == FaultRateLimit.LimitTypeOneofCase.HeaderLimit;
        if (limit.LimitTypeCase == FaultRateLimit.LimitTypeOneofCase.FixedLimit)
        {
            RateKilobytes = (long)limit.FixedLimit.LimitKbps;
            if (RateKilobytes == 0)
            {
                throw new ConfigRejectedException($"{field}.response_rate_limit.fixed_limit.limit_kbps", "the limit must be at least 1");
            }
        }
    }
}
