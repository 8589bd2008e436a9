using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary>A compiled HTTPFault. Immutable.</summary>
public sealed class FaultPolicy
{
    // A day: a delay from the runtime may be any number.
    private const ulong DelayMax = 24UL * 3600 * 1000;

    private readonly HeaderMatch[] _headers;
    private readonly byte[][] _downstreamNodes;
    private LiveNumber _delay;
    private LiveNumber _status;
    private LiveNumber? _grpcStatus;

    private FaultPolicy(HTTPFault fault, string field, RuntimeValues runtime)
    {
        UpstreamCluster = fault.UpstreamCluster;
        _headers = HeaderMatch.CompileAll(fault.Headers, $"{field}.headers");
        _downstreamNodes = new byte[fault.DownstreamNodes.Count][];
        for (int i = 0; i < _downstreamNodes.Length; i++)
        {
            _downstreamNodes[i] = System.Text.Encoding.UTF8.GetBytes(fault.DownstreamNodes[i]);
        }

        ActiveFaultsLimit = new LiveNumber(fault.MaxActiveFaults ?? uint.MaxValue, Key(fault.MaxActiveFaultsRuntime, "max_active_faults", runtime));
        ReadDelay(fault, field, runtime);
        ReadAbort(fault, field, runtime);
        ReadRateLimit(fault, field, runtime);
    }

    /// <summary>Faults apply to requests for this cluster only; empty = any.</summary>
    public string UpstreamCluster { get; }

    /// <summary>max_active_faults: beyond it requests pass without a fault.</summary>
    public uint ActiveFaultsMax => (uint)Math.Min(uint.MaxValue, ActiveFaultsLimit.Current);

    public LiveNumber ActiveFaultsLimit { get; }

    /// <summary>Whether nothing can happen, be the runtime as it will.</summary>
    public bool IsIdle => IsNever(DelayFraction) && IsNever(AbortFraction) && IsNever(RateFraction);

    public LiveFraction DelayFraction { get; private set; }

    public long DelayMilliseconds => (long)Math.Min(DelayMax, _delay.Current);

    /// <summary>Whether the client names the delay in x-envoy-fault-delay-request.</summary>
    public bool DelayFromHeader { get; private set; }

    public LiveFraction AbortFraction { get; private set; }

    /// <summary>0 when the abort has a gRPC status instead, or comes from headers.</summary>
    public int AbortStatus => _status.Current is >= 200 and < 600 and var live ? (int)live : (int)_status.Default;

    public int? AbortGrpcStatus => _grpcStatus is { } status ? (int)Math.Min(int.MaxValue, status.Current) : null;

    public bool AbortFromHeader { get; private set; }

    public LiveFraction RateFraction { get; private set; }

    /// <summary>KiB per second; 0 = no limit.</summary>
    public long RateKilobytes { get; private set; }

    public bool RateFromHeader { get; private set; }

    public static FaultPolicy Compile(HTTPFault fault, string field, RuntimeValues runtime) => new(fault, field, runtime);

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

    private static bool IsNever(LiveFraction share) => share.Key is null && share.Default.IsNone;

    // A field may name another key than Envoy's own.
    private static RuntimeKey? Key(string named, string own, RuntimeValues runtime) => runtime.Key(named.Length > 0 ? named : $"fault.http.{own}");

    private void ReadDelay(HTTPFault fault, string field, RuntimeValues runtime)
    {
        if (fault.Delay is not { } delay)
        {
            return;
        }

        DelayFraction = new LiveFraction(Fraction.Of(delay.Percentage), Key(fault.DelayPercentRuntime, "delay.fixed_delay_percent", runtime));
        DelayFromHeader = delay.FaultDelaySecifierCase == FaultDelay.FaultDelaySecifierOneofCase.HeaderDelay;
        if (delay.FaultDelaySecifierCase == FaultDelay.FaultDelaySecifierOneofCase.FixedDelay)
        {
            long milliseconds = (delay.FixedDelay.Seconds * 1000) + (delay.FixedDelay.Nanos / 1_000_000);
            _delay = new LiveNumber((ulong)Math.Max(0, milliseconds), Key(fault.DelayDurationRuntime, "delay.fixed_duration_ms", runtime));
            if (milliseconds < 0)
            {
                throw new ConfigRejectedException($"{field}.delay.fixed_delay", $"the delay '{delay.FixedDelay}' is negative");
            }
        }
    }

    private void ReadAbort(HTTPFault fault, string field, RuntimeValues runtime)
    {
        if (fault.Abort is not { } abort)
        {
            return;
        }

        AbortFraction = new LiveFraction(Fraction.Of(abort.Percentage), Key(fault.AbortPercentRuntime, "abort.abort_percent", runtime));
        switch (abort.ErrorTypeCase)
        {
            case FaultAbort.ErrorTypeOneofCase.HttpStatus when abort.HttpStatus is >= 200 and < 600:
                _status = new LiveNumber(abort.HttpStatus, Key(fault.AbortHttpStatusRuntime, "abort.http_status", runtime));
                break;
            case FaultAbort.ErrorTypeOneofCase.HttpStatus:
                throw new ConfigRejectedException($"{field}.abort.http_status", $"'{abort.HttpStatus}' is not within 200 to 599");
            case FaultAbort.ErrorTypeOneofCase.GrpcStatus:
                _grpcStatus = new LiveNumber(abort.GrpcStatus, Key(fault.AbortGrpcStatusRuntime, "abort.grpc_status", runtime));
                break;
            case FaultAbort.ErrorTypeOneofCase.HeaderAbort:
                AbortFromHeader = true;
                break;
            default:
                throw new ConfigRejectedException($"{field}.abort", "the abort names neither http_status, grpc_status nor header_abort");
        }
    }

    private void ReadRateLimit(HTTPFault fault, string field, RuntimeValues runtime)
    {
        if (fault.ResponseRateLimit is not { } limit)
        {
            return;
        }

        RateFraction = new LiveFraction(
            Fraction.Of(limit.Percentage), Key(fault.ResponseRateLimitPercentRuntime, "rate_limit.response_percent", runtime));
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
