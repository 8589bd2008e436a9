using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary>
/// Faults of one request, in this order: (1) delay, (2) abort, (3) throttle of the response. Chances are drawn independently, as Envoy does:
/// the abort's when the delay is over.
/// </summary>
internal sealed class FaultFilter(FaultModel model, FaultPolicy policy) : HttpFilter
{
    private static readonly byte[] s_body = "fault filter abort"u8.ToArray();

    private LoopTimer? _timer;
    private bool _holdsSlot;
    private long _rateBytesPerSecond;
    private bool _releasing;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        if (!model.TryBegin(policy.ActiveFaultsMax))
        {
            Stream.Worker.Stats.Add(model.Stats.FaultsOverflow);
            return FilterVerdict.Continue;
        }

        _holdsSlot = true;
        Stream.Worker.Stats.Increment(model.Stats.ActiveFaults);
        _rateBytesPerSecond = RateOf(headers) * 1024;
        long delay = DelayOf(headers);
        if (delay > 0)
        {
            Stream.Worker.Stats.Add(model.Stats.DelaysInjected);
            Stream.Info.Flags = Stream.Info.Flags.With(ResponseFlag.DelayInjected);
            _timer = new LoopTimer(Stream.Loop, static state => ((FaultFilter)state!).DelayIsOver(), this);
            _timer.Schedule(delay);
            return FilterVerdict.Watermark;
        }

        if (Aborts())
        {
            return FilterVerdict.Pause;
        }

        ReleaseSlotUnlessThrottled();
        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end) =>
        _timer is { IsScheduled: true } ? FilterVerdict.Watermark : FilterVerdict.Continue;

    public override FilterVerdict OnRequestTrailers(HeaderMap trailers) =>
        _timer is { IsScheduled: true } ? FilterVerdict.Watermark : FilterVerdict.Continue;

    public override FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end)
    {
        // Each piece waits for the time that it takes at the limited rate; meanwhile the source is held by the buffer's watermark.
        if (_rateBytesPerSecond == 0 || data.IsEmpty || _releasing)
        {
            return FilterVerdict.Continue;
        }

        _timer ??= new LoopTimer(Stream.Loop, static state => ((FaultFilter)state!).Release(), this);
        _timer.Schedule(Math.Max(1, data.Length * 1000L / _rateBytesPerSecond));
        return FilterVerdict.Pause;
    }

    public override void OnEnd(StreamInfo info)
    {
        _timer?.Cancel();
        ReleaseSlot();
    }

    private void DelayIsOver()
    {
        _timer = null;
        if (!Aborts())
        {
            ReleaseSlotUnlessThrottled();
            ContinueRequest();
        }
    }

    private void Release()
    {
        _releasing = true;
        ContinueResponse();
        _releasing = false;
    }

    private bool Aborts()
    {
        (int status, int? grpcStatus) = AbortOf(Stream.RequestHeaders);
        if (status == 0 && grpcStatus is null)
        {
            return false;
        }

        Stream.Worker.Stats.Add(model.Stats.AbortsInjected);
        Stream.Reply(grpcStatus is null ? status : 200, s_body, EndReasons.FaultAbort, addHeaders: null, grpcStatus);
        return true;
    }

    private long DelayOf(HeaderMap headers)
    {
        if (!policy.DelayFromHeader)
        {
            return policy.DelayFraction.Holds(Stream.NextRandom()) ? policy.DelayMilliseconds : 0;
        }

        return TryReadNumber(headers, WellKnownHeader.XEnvoyFaultDelayRequest, out long milliseconds)
            && HeaderShareHolds(headers, WellKnownHeader.XEnvoyFaultDelayRequestPercentage, policy.DelayFraction.Current) ? milliseconds : 0;
    }

    private (int Status, int? GrpcStatus) AbortOf(HeaderMap headers)
    {
        if (!policy.AbortFromHeader)
        {
            return policy.AbortFraction.Holds(Stream.NextRandom()) ? (policy.AbortStatus, policy.AbortGrpcStatus) : default;
        }

        if (!HeaderShareHolds(headers, WellKnownHeader.XEnvoyFaultAbortRequestPercentage, policy.AbortFraction.Current))
        {
            return default;
        }

        if (TryReadNumber(headers, WellKnownHeader.XEnvoyFaultAbortRequest, out long status) && status is >= 200 and < 600)
        {
            return ((int)status, null);
        }

        return TryReadNumber(headers, WellKnownHeader.XEnvoyFaultAbortGrpcRequest, out long grpc) && grpc is >= 0 and <= int.MaxValue
            ? (0, (int)grpc)
            : default;
    }

    private long RateOf(HeaderMap headers)
    {
        if (!policy.RateFraction.Holds(Stream.NextRandom()))
        {
            return 0;
        }

        long rate = policy.RateKilobytes;
        if (policy.RateFromHeader && !TryReadNumber(headers, WellKnownHeader.XEnvoyFaultThroughputResponse, out rate))
        {
            return 0;
        }

        // A limit beyond a terabyte per second is none; it also keeps the product of units within range.
        rate = Math.Clamp(rate, 0, 1 << 30);
        if (rate > 0)
        {
            Stream.Worker.Stats.Add(model.Stats.ResponseRateLimitsInjected);
        }

        return rate;
    }

    // A header can lower the configured share, never raise it.
    private bool HeaderShareHolds(HeaderMap headers, WellKnownHeader header, Fraction configured)
    {
        uint numerator = configured.Numerator;
        if (TryReadNumber(headers, header, out long asked))
        {
            numerator = (uint)Math.Clamp(asked, 0, numerator);
        }

        return new Fraction(numerator, configured.Denominator).Holds(Stream.NextRandom());
    }

    private static bool TryReadNumber(HeaderMap headers, WellKnownHeader header, out long number)
    {
        number = 0;
        return headers.TryGet(header, out ReadOnlySpan<byte> text)
            && DecimalText.TryParse(text, out number);
    }

    private void ReleaseSlotUnlessThrottled()
    {
        if (_rateBytesPerSecond == 0)
        {
            ReleaseSlot();
        }
    }

    private void ReleaseSlot()
    {
        if (_holdsSlot)
        {
            _holdsSlot = false;
            model.End();
            Stream.Worker.Stats.Decrement(model.Stats.ActiveFaults);
        }
    }
}
