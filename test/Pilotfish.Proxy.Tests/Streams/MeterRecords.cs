using System.Globalization;
using Envoy.Config.Accesslog.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Reasons;

namespace Pilotfish.Proxy.Tests.Streams;

/// <summary>The meters of requests as a log line prints them, and the slow way to count the fields of a head.</summary>
internal sealed class MeterRecords
{
    private const string Format =
        "%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED% "
        + "%DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_HEADER_BYTES_SENT% %DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT% "
        + "%UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED% "
        + "%UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_HEADER_BYTES_SENT% %UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT%";

    private readonly List<string> _lines = [];

    public MeterRecords(ProxyBench bench) =>
        bench.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(_lines));

    public static AccessLog Log => new() { Name = "meters", TypedConfig = CauseBench.Packed(Format) };

    public int Count => _lines.Count;

    public (ByteMeter Downstream, ByteMeter Upstream) this[int index] => Parse(_lines[index]);

    public (ByteMeter Downstream, ByteMeter Upstream) Only => Parse(Assert.Single(_lines));

    /// <summary>Both sides' expectation in one assertion; the message names what differs.</summary>
    public static void Equal(ByteMeter expected, ByteMeter actual) => Assert.Equal(Text(expected), Text(actual));

    /// <summary>The fields of an HTTP/1 head or trailer section as they stand: each line with its end.</summary>
    public static int FieldBytes(string head)
    {
        int bytes = 0;
        string[] lines = head.Split("\r\n");
        for (int i = 1; i < lines.Length; i++)
        {
            bytes += lines[i].Length > 0 ? lines[i].Length + 2 : 0;
        }

        return bytes;
    }

    private static string Text(ByteMeter meter) =>
        $"wire {meter.WireBytesReceived} in {meter.WireBytesSent} out, fields {meter.HeaderBytesReceived} in {meter.HeaderBytesSent} out, "
        + $"decompressed {meter.DecompressedHeaderBytesReceived} in {meter.DecompressedHeaderBytesSent} out";

    private static (ByteMeter Downstream, ByteMeter Upstream) Parse(string line)
    {
        long[] numbers = Array.ConvertAll(line.Split(' '), static text => long.Parse(text, CultureInfo.InvariantCulture));
        return (Meter(numbers.AsSpan(0, 6)), Meter(numbers.AsSpan(6)));
    }

    private static ByteMeter Meter(ReadOnlySpan<long> numbers) => new()
    {
        WireBytesReceived = numbers[0],
        HeaderBytesReceived = numbers[1],
        DecompressedHeaderBytesReceived = numbers[2],
        WireBytesSent = numbers[3],
        HeaderBytesSent = numbers[4],
        DecompressedHeaderBytesSent = numbers[5],
    };
}
