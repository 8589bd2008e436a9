using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.data.accesslog.v3.HTTPAccessLogEntry.</summary>
internal sealed class HttpLogEntryFormat(
    CommonLogFields common, LoggedHeaders requestHeaders, LoggedHeaders responseHeaders, LoggedHeaders responseTrailers) : ILogEntryFormat
{
    public void Write(WireWriter writer, in FormatSource source)
    {
        StreamInfo info = source.Info;
        common.Write(writer, 1, in source);

        // HttpProtocol counts as the message's HTTPVersion does: none, 1.0, 1.1, 2, 3.
        writer.Number(2, (ulong)info.Protocol);
        Request(writer, info);
        Response(writer, info);
    }

    private void Request(WireWriter writer, StreamInfo info)
    {
        int start = writer.Begin(3);
        IHeaderReader? headers = info.RequestHeaders;
        if (headers is not null)
        {
            if (headers.TryGet(WellKnownHeader.Method, out ReadOnlySpan<byte> method))
            {
                writer.Number(1, MethodNumber(method));
            }

            Header(writer, 2, headers, WellKnownHeader.Scheme);
            Header(writer, 3, headers, WellKnownHeader.Authority);
            Header(writer, 5, headers, WellKnownHeader.Path);
            Header(writer, 6, headers, WellKnownHeader.UserAgent);
            Header(writer, 7, headers, WellKnownHeader.Referer);
            Header(writer, 8, headers, WellKnownHeader.XForwardedFor);
            Header(writer, 9, headers, WellKnownHeader.XRequestId);
            Header(writer, 10, headers, WellKnownHeader.XEnvoyOriginalPath);
            writer.Number(11, headers.ByteSize);
        }

        writer.Number(12, info.BytesReceived);
        requestHeaders.Write(writer, 13, headers);
        writer.Number(14, info.UpstreamBytes.HeaderBytesSent);
        writer.Number(15, info.Downstream.HeaderBytesReceived);
        writer.End(start);
    }

    private void Response(WireWriter writer, StreamInfo info)
    {
        int start = writer.Begin(4);
        if (info.ResponseCode != 0)
        {
            int code = writer.Begin(1);
            writer.Number(1, info.ResponseCode);
            writer.End(code);
        }

        writer.Number(2, info.ResponseHeaders?.ByteSize ?? 0);
        writer.Number(3, info.BytesSent);
        responseHeaders.Write(writer, 4, info.ResponseHeaders);
        responseTrailers.Write(writer, 5, info.ResponseTrailers);
        writer.Text(6, info.Details);
        writer.Number(7, info.UpstreamBytes.HeaderBytesReceived);
        writer.Number(8, info.Downstream.HeaderBytesSent);
        writer.End(start);
    }

    private static void Header(WireWriter writer, int field, IHeaderReader headers, WellKnownHeader header)
    {
        if (headers.TryGet(header, out ReadOnlySpan<byte> value))
        {
            writer.Text(field, value);
        }
    }

    // envoy.config.core.v3.RequestMethod; any other method has no number.
    private static ulong MethodNumber(ReadOnlySpan<byte> method) => method switch
    {
        _ when method.SequenceEqual("GET"u8) => 1,
        _ when method.SequenceEqual("HEAD"u8) => 2,
        _ when method.SequenceEqual("POST"u8) => 3,
        _ when method.SequenceEqual("PUT"u8) => 4,
        _ when method.SequenceEqual("DELETE"u8) => 5,
        _ when method.SequenceEqual("CONNECT"u8) => 6,
        _ when method.SequenceEqual("OPTIONS"u8) => 7,
        _ when method.SequenceEqual("TRACE"u8) => 8,
        _ when method.SequenceEqual("PATCH"u8) => 9,
        _ => 0,
    };
}
