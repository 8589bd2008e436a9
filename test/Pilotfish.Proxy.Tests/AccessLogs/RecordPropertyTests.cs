using System.Text.Json;
using CsCheck;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>Whatever bytes a peer puts into a header value, a record stays one line.</summary>
public sealed class RecordPropertyTests
{
    // What the codecs let through in a value: everything but line ends and zero (RFC 9110 section 5.5).
    private static readonly Gen<byte[]> s_value =
        Gen.Byte.Where(static b => b is not (0 or (byte)'\r' or (byte)'\n')).Array[0, 60];

    private static readonly Struct s_template = Struct.Parser.ParseJson(
        """{"ua": "%REQ(USER-AGENT)%", "mixed": "<%REQ(USER-AGENT)%>", "cut": "%REQ(USER-AGENT):5%", "cel": "%CEL(request.useragent)%"}""");

    [Fact]
    public void Append_AnyHeaderBytes_JsonIsOneLineThatParses() => s_value.Sample(value =>
    {
        FormatOutput output = new();
        JsonFormatProgram.Compile(s_template, "json_format", typed: true, omitMissing: false)
            .Append(output, new FormatOutput(), new FormatSource(Sample(value), AccessLogType.DownstreamEnd));

        Assert.Equal(output.Length - 1, output.Written.IndexOf((byte)'\n'));
        using JsonDocument record = JsonDocument.Parse(output.WrittenMemory);
        Assert.Equal(4, record.RootElement.EnumerateObject().Count());
    }, iter: 5_000);

    [Fact]
    public void Append_AnyHeaderBytes_TextIsOneLineWithTheBytesAsTheyCame() => s_value.Sample(value =>
    {
        FormatOutput output = new();
        FormatProgram.Compile("[%REQ(USER-AGENT)%]\n", "format").Append(output, Sample(value));

        Assert.Equal([(byte)'[', .. value, (byte)']', (byte)'\n'], output.Written.ToArray());
    }, iter: 5_000);

    private static StreamInfo Sample(byte[] value)
    {
        StreamInfo info = StreamSample.Create();
        HeaderMap headers = new();
        headers.Add("user-agent"u8, value);
        info.RequestHeaders = headers;
        return info;
    }
}
