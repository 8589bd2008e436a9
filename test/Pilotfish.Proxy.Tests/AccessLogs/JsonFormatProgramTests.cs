using Google.Protobuf.WellKnownTypes;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;

namespace Pilotfish.Proxy.Tests.AccessLogs;

public sealed class JsonFormatProgramTests
{
    private static readonly Struct s_template = Struct.Parser.ParseJson(
        """
        {"z": "%DURATION%", "a": "%REQ(USER-AGENT)%", "missing": "%REQ(NONE)%", "text": "took %DURATION%.0",
         "nested": {"code": "%RESPONSE_CODE%", "list": ["%BYTES_SENT%", true, 1.5, null]}}
        """);

    [Fact]
    public void Append_Typed_KeepsTypesAndSortsKeys() =>
        Assert.Equal(
            "{\"a\":\"curl/8\",\"missing\":null,\"nested\":{\"code\":200,\"list\":[295,true,1.5,null]},"
            + "\"text\":\"took 15.0\",\"z\":15}\n",
            Format(typed: true, omitMissing: false));

    [Fact]
    public void Append_Untyped_WritesStrings() =>
        Assert.Contains("\"missing\":\"-\",\"nested\":{\"code\":\"200\"", Format(typed: false, omitMissing: false));

    [Fact]
    public void Append_OmitMissing_DropsTheKey() =>
        Assert.StartsWith("{\"a\":\"curl/8\",\"nested\":", Format(typed: true, omitMissing: true));

    // Log pipelines compare this key with "-"; Envoy never writes null here.
    [Theory]
    [InlineData("RESPONSE_FLAGS", true)]
    [InlineData("RESPONSE_FLAGS_LONG", false)]
    public void Append_NoFlags_IsADash(string name, bool omitMissing)
    {
        FormatOutput output = new();
        JsonFormatProgram.Compile(Struct.Parser.ParseJson($$"""{"flags": "%{{name}}%"}"""), "json_format", typed: true, omitMissing)
            .Append(output, new FormatOutput(), new FormatSource(StreamSample.Create(), AccessLogType.DownstreamEnd));
        Assert.Equal("{\"flags\":\"-\"}\n", output.ToString());
    }

    private static string Format(bool typed, bool omitMissing)
    {
        FormatOutput output = new();
        JsonFormatProgram.Compile(s_template, "json_format", typed, omitMissing)
            .Append(output, new FormatOutput(), new FormatSource(StreamSample.Create(), AccessLogType.DownstreamEnd));
        return output.ToString();
    }
}
