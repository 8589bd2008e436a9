using System.Buffers.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.data.accesslog.v3.AccessLogCommon: what HTTP and TCP entries share.</summary>
internal sealed class CommonLogFields(IReadOnlyList<string> filterStateObjects, IReadOnlyList<LogTag> tags)
{
    private const int GuidBytes = 36;

    private readonly string[] _filterStateObjects = [.. filterStateObjects];
    private readonly LogTag[] _tags = [.. tags];

    public void Write(WireWriter writer, int field, in FormatSource source)
    {
        StreamInfo info = source.Info;
        ConnectionInfo connection = info.Connection;
        int start = writer.Begin(field);
        LogEntryValues.Address(writer, 2, info.ClientAddress);
        LogEntryValues.Address(writer, 3, connection.LocalAddress);
        TlsPropertyFields.Write(writer, 4, connection);
        LogEntryValues.Timestamp(writer, 5, info.StartTime);
        Durations(writer, info, isWhole: !AccessLogTypes.IsIntermediate(source.Type));
        Upstream(writer, info);
        ResponseFlagFields.Write(writer, 16, info.Flags);
        LogEntryValues.Metadata(writer, 17, info.Metadata);
        writer.Text(18, info.Upstream.TransportFailure);
        writer.Text(19, info.RouteName);
        LogEntryValues.Address(writer, 20, connection.DirectRemoteAddress);
        FilterState(writer, info);
        foreach (LogTag tag in _tags)
        {
            tag.WriteEntry(writer, 22, in source);
        }

        writer.Number(24, info.Upstream.AttemptCount);
        writer.Text(25, info.ConnectionTerminationDetails ?? connection.TerminationDetails);
        if (info.RequestHeaders is { } headers && headers.TryGet(WellKnownHeader.XRequestId, out ReadOnlySpan<byte> id))
        {
            writer.Text(26, id);
        }
        else if (info.StreamId != default)
        {
            int text = writer.Begin(26);
            Utf8Formatter.TryFormat(info.StreamId, writer.Output.Reserve(GuidBytes), out int written);
            writer.Output.Advance(written);
            writer.End(text);
        }

        writer.Flag(27, AccessLogTypes.IsIntermediate(source.Type));
        writer.Text(28, connection.TransportFailure);
        writer.Number(29, info.Downstream.WireBytesSent);
        writer.Number(30, info.Downstream.WireBytesReceived);
        writer.Number(31, info.UpstreamBytes.WireBytesSent);
        writer.Number(32, info.UpstreamBytes.WireBytesReceived);
        writer.Number(33, (ulong)source.Type);
        writer.End(start);
    }

    private static void Durations(WireWriter writer, StreamInfo info, bool isWhole)
    {
        ref readonly TimingPoints times = ref info.Times;
        long begin = times.DownstreamReceiveBegin;
        Since(writer, 6, begin, times.DownstreamReceiveEnd);
        Since(writer, 7, begin, times.UpstreamSendBegin);
        Since(writer, 8, begin, times.UpstreamSendEnd);
        Since(writer, 9, begin, times.UpstreamReceiveBegin);
        Since(writer, 10, begin, times.UpstreamReceiveEnd);
        Since(writer, 11, begin, times.DownstreamSendBegin);
        Since(writer, 12, begin, times.DownstreamSendEnd);
        if (isWhole)
        {
            // A stream that sent nothing ends when its record is written.
            long end = times.DownstreamSendEnd != 0
                ? times.DownstreamSendEnd
                : Runtime.Loops.EventLoop.CurrentOrNull?.NowNanoseconds ?? begin;
            LogEntryValues.Duration(writer, 23, Math.Max(0, end - begin));
        }
    }

    private static void Since(WireWriter writer, int field, long begin, long moment)
    {
        if (moment != 0)
        {
            LogEntryValues.Duration(writer, field, moment - begin);
        }
    }

    private static void Upstream(WireWriter writer, StreamInfo info)
    {
        ref readonly UpstreamFacts upstream = ref info.Upstream;
        if (upstream.HasHost)
        {
            LogEntryValues.Address(writer, 13, upstream.HostAddress);
        }

        LogEntryValues.Address(writer, 14, upstream.LocalAddress);
        if (upstream.HasHost)
        {
            writer.Text(15, info.ClusterName);
        }
    }

    private void FilterState(WireWriter writer, StreamInfo info)
    {
        if (info.FilterState is not { } state)
        {
            return;
        }

        foreach (string name in _filterStateObjects)
        {
            if (state.Get(name) is { AnyMessage: { IsEmpty: false } message })
            {
                int entry = writer.Begin(21);
                writer.Text(1, name);
                writer.Bytes(2, message.Span);
                writer.End(entry);
            }
        }
    }
}
