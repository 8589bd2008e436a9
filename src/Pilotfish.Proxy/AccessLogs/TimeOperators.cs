using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Points in time and the durations between them.</summary>
internal static class TimeOperators
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.Add("START_TIME", source => StartTime(source, null));
        all.Add("START_TIME_LOCAL", source => StartTime(source, TimeZoneInfo.Local));
        all.Add("EMIT_TIME", source => EmitTime(source, null));
        all.Add("EMIT_TIME_LOCAL", source => EmitTime(source, TimeZoneInfo.Local));
        all.AddPlain("DURATION", static (in FormatSource source, FormatOutput output) =>
        {
            // A stream that sent nothing ends when its record is written.
            long end = source.Info.Times.DownstreamSendEnd is var sent and not 0
                ? sent
                : Runtime.Loops.EventLoop.CurrentOrNull?.NowNanoseconds ?? 0;
            return WriteMilliseconds(output, Math.Max(0, end - source.Info.Times.DownstreamReceiveBegin));
        });
        AddDuration(all, "REQUEST_DURATION", static (in TimingPoints t) => t.DownstreamReceiveBegin, static (in TimingPoints t) => t.DownstreamReceiveEnd);
        AddDuration(all, "REQUEST_TX_DURATION", static (in TimingPoints t) => t.DownstreamReceiveBegin, static (in TimingPoints t) => t.UpstreamSendEnd);
        AddDuration(all, "RESPONSE_DURATION", static (in TimingPoints t) => t.DownstreamReceiveBegin, static (in TimingPoints t) => t.UpstreamReceiveBegin);
        AddDuration(all, "RESPONSE_TX_DURATION", static (in TimingPoints t) => t.UpstreamReceiveBegin, static (in TimingPoints t) => t.DownstreamSendEnd);
        AddDuration(all, "UPSTREAM_CONNECTION_POOL_READY_DURATION", static (in TimingPoints t) => t.UpstreamRequestBegin, static (in TimingPoints t) => t.UpstreamPoolReady);
        all.AddPlain("DOWNSTREAM_HANDSHAKE_DURATION", static (in FormatSource source, FormatOutput output) =>
        {
            long took = source.Info.Connection.HandshakeNanoseconds;
            return took == 0 ? FormatValueKind.Missing : WriteMilliseconds(output, took);
        });

        // HTTP/3 measures it; no other protocol does.
        all.AddPlain("ROUNDTRIP_DURATION", static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing);
        all.Add("COMMON_DURATION", CommonDuration);
    }

    private static FormatOperation StartTime(FormatOperator source, TimeZoneInfo? zone)
    {
        TimeFormat format = TimeArguments.Parse(source, zone);
        return (in FormatSource from, FormatOutput output) =>
        {
            format.Append(output, from.Info.StartTime);
            return FormatValueKind.Text;
        };
    }

    private static FormatOperation EmitTime(FormatOperator source, TimeZoneInfo? zone)
    {
        TimeFormat format = TimeArguments.Parse(source, zone);
        return (in FormatSource from, FormatOutput output) =>
        {
            format.Append(output, Runtime.Loops.EventLoop.CurrentOrNull?.WallNow ?? from.Info.StartTime);
            return FormatValueKind.Text;
        };
    }

    private static void AddDuration(
        Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, TimingPoint from, TimingPoint to) =>
        all.AddPlain(name, (in FormatSource source, FormatOutput output) =>
        {
            ref readonly TimingPoints times = ref source.Info.Times;
            long begin = from(in times);
            long end = to(in times);
            return begin == 0 || end == 0 ? FormatValueKind.Missing : WriteMilliseconds(output, end - begin);
        });

    private static FormatValueKind WriteMilliseconds(FormatOutput output, long nanoseconds)
    {
        output.Append(nanoseconds / NanosecondsPerMillisecond);
        return FormatValueKind.Number;
    }

    private static FormatOperation CommonDuration(FormatOperator source)
    {
        DurationArguments arguments = DurationArguments.Parse(source);
        TimingPoint from = Point(arguments.Start);
        TimingPoint to = Point(arguments.End);
        long unit = arguments.UnitNanoseconds;
        return (in FormatSource at, FormatOutput output) =>
        {
            long begin = from(in at.Info.Times);
            long end = to(in at.Info.Times);
            if (begin == 0 || end == 0)
            {
                return FormatValueKind.Missing;
            }

            output.Append((end - begin) / unit);
            return FormatValueKind.Number;
        };
    }

    private static TimingPoint Point(StreamTimePoint point) => point switch
    {
        StreamTimePoint.DownstreamReceiveBegin => static (in TimingPoints t) => t.DownstreamReceiveBegin,
        StreamTimePoint.DownstreamReceiveEnd => static (in TimingPoints t) => t.DownstreamReceiveEnd,
        StreamTimePoint.UpstreamConnectBegin => static (in TimingPoints t) => t.UpstreamConnectBegin,
        StreamTimePoint.UpstreamConnectEnd => static (in TimingPoints t) => t.UpstreamConnectEnd,
        StreamTimePoint.UpstreamHandshakeEnd => static (in TimingPoints t) => t.UpstreamHandshakeEnd,
        StreamTimePoint.UpstreamSendBegin => static (in TimingPoints t) => t.UpstreamSendBegin,
        StreamTimePoint.UpstreamSendEnd => static (in TimingPoints t) => t.UpstreamSendEnd,
        StreamTimePoint.UpstreamReceiveBegin => static (in TimingPoints t) => t.UpstreamReceiveBegin,
        StreamTimePoint.UpstreamReceiveBodyBegin => static (in TimingPoints t) => t.UpstreamReceiveBodyBegin,
        StreamTimePoint.UpstreamReceiveEnd => static (in TimingPoints t) => t.UpstreamReceiveEnd,
        StreamTimePoint.DownstreamSendBegin => static (in TimingPoints t) => t.DownstreamSendBegin,
        StreamTimePoint.DownstreamSendEnd => static (in TimingPoints t) => t.DownstreamSendEnd,
        _ => throw new System.Diagnostics.UnreachableException($"Unknown time point {point}."),
    };

    private delegate long TimingPoint(in TimingPoints times);
}
