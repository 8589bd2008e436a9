using Pilotfish.Language.Formats;
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
        TimeFormat format = Format(source, zone);
        return (in FormatSource from, FormatOutput output) =>
        {
            format.Append(output, from.Info.StartTime);
            return FormatValueKind.Text;
        };
    }

    private static FormatOperation EmitTime(FormatOperator source, TimeZoneInfo? zone)
    {
        TimeFormat format = Format(source, zone);
        return (in FormatSource from, FormatOutput output) =>
        {
            format.Append(output, Runtime.Loops.EventLoop.CurrentOrNull?.WallNow ?? from.Info.StartTime);
            return FormatValueKind.Text;
        };
    }

    public static TimeFormat Format(FormatOperator source, TimeZoneInfo? zone)
    {
        if (string.IsNullOrEmpty(source.Arguments))
        {
            return zone is null ? TimeFormat.Default : TimeFormat.Parse("%Y-%m-%dT%H:%M:%S.%3f%Ez", zone);
        }

        try
        {
            return TimeFormat.Parse(source.Arguments, zone);
        }
        catch (FormatException e)
        {
            throw source.Reject($"is wrong: {e.Message}");
        }
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
        string[] parts = source.RequireArguments("START:END:PRECISION").Split(':');
        if (parts.Length != 3)
        {
            throw source.Reject($"needs START:END:PRECISION, but has '({source.Arguments})'");
        }

        TimingPoint from = Point(source, parts[0]);
        TimingPoint to = Point(source, parts[1]);
        long unit = parts[2] switch
        {
            "ms" => NanosecondsPerMillisecond,
            "us" => 1000,
            "ns" => 1,
            _ => throw source.Reject($"has the precision '{parts[2]}'; it must be ms, us or ns"),
        };
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

    // Points that other filters name themselves do not exist here: a typing error must not print '-' for ever.
    private static TimingPoint Point(FormatOperator source, string name) => name switch
    {
        "DS_RX_BEG" => static (in TimingPoints t) => t.DownstreamReceiveBegin,
        "DS_RX_END" => static (in TimingPoints t) => t.DownstreamReceiveEnd,
        "US_CX_BEG" => static (in TimingPoints t) => t.UpstreamConnectBegin,
        "US_CX_END" => static (in TimingPoints t) => t.UpstreamConnectEnd,
        "US_HS_END" => static (in TimingPoints t) => t.UpstreamHandshakeEnd,
        "US_TX_BEG" => static (in TimingPoints t) => t.UpstreamSendBegin,
        "US_TX_END" => static (in TimingPoints t) => t.UpstreamSendEnd,
        "US_RX_BEG" => static (in TimingPoints t) => t.UpstreamReceiveBegin,
        "US_RX_BODY_BEG" => static (in TimingPoints t) => t.UpstreamReceiveBodyBegin,
        "US_RX_END" => static (in TimingPoints t) => t.UpstreamReceiveEnd,
        "DS_TX_BEG" => static (in TimingPoints t) => t.DownstreamSendBegin,
        "DS_TX_END" => static (in TimingPoints t) => t.DownstreamSendEnd,
        _ => throw source.Reject($"has the time point '{name}', which is not known"),
    };

    private delegate long TimingPoint(in TimingPoints times);
}
