using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.AccessLogs;

public sealed class FormatProgramTests
{
    // The format that Istio's control plane sends when mesh config names a file only.
    private const string Istio =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
        + "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% "
        + "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
        + "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% "
        + "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

    [Fact]
    public void Append_IstioFormat_PrintsEveryField()
    {
        const string Expected =
            "[2026-11-22T23:01:02.345Z] \"GET /reviews/0?x=1&y=2 HTTP/1.1\" 200 - via_upstream - \"-\" 7 295 15 12 \"10.1.1.1\" "
            + "\"curl/8\" \"11111111-2222-4333-8444-555555555555\" \"reviews:9080\" \"10.244.0.12:9080\" "
            + "outbound|9080||reviews.default.svc.cluster.local 10.244.0.9:40000 10.96.0.7:9080 10.244.0.9:51234 "
            + "outbound_.9080_._.reviews default\n";

        Assert.Equal(Expected, Format(Istio, StreamSample.Create()));
    }

    [Fact]
    public void Append_Steady_AllocatesNothing()
    {
        FormatProgram program = FormatProgram.Compile(Istio, "format");
        StreamInfo info = StreamSample.Create();
        FormatOutput output = new();

        long allocated = AllocationMeter.Of(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                output.Clear();
                program.Append(output, info, AccessLogType.DownstreamEnd);
            }
        });

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void StreamId_OfAConnection_IsItsRandomId()
    {
        StreamInfo info = StreamSample.Create();
        info.RequestHeaders = null;
        info.StreamId = Guid.Parse("01234567-89ab-4def-8123-456789abcdef");
        var source = new FormatSource(info, AccessLogType.TcpPeriodic);
        var output = new FormatOutput();
        FormatProgram.Compile("%STREAM_ID%", "format").Append(output, in source);
        Assert.Equal("01234567-89ab-4def-8123-456789abcdef", System.Text.Encoding.ASCII.GetString(output.Written));
    }

    [Theory]
    [InlineData("%REQ(NONE?USER-AGENT):3%", "cur")]
    [InlineData("%REQ(NONE)%", "-")]
    [InlineData("%REQ_WITHOUT_QUERY(:PATH)%", "/reviews/0")]
    [InlineData("%PATH(NQ:PATH)%", "/reviews/0")]
    [InlineData("%QUERY_PARAM(y)%|%QUERY_PARAM(z)%", "2|-")]
    [InlineData("%UPSTREAM_CLUSTER%", "outbound|9080||reviews.default.svc.cluster.local;")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%", "10.244.0.9 51234")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%", "10.244.0.0/16")]
    [InlineData("%RESPONSE_DURATION%/%RESPONSE_TX_DURATION%", "10/5")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%", "10000")]
    [InlineData("%ACCESS_LOG_TYPE%", "DownstreamEnd")]
    [InlineData("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "0")]
    [InlineData("%DOWNSTREAM_TLS_VERSION%", "-")]
    [InlineData("%COALESCE({\"operators\":[\"REQ(NONE)\",\"REQ(USER-AGENT)\"]})%", "curl/8")]
    [InlineData("%CEL(request.path)%|%CEL(request.url_path)%|%CEL(request.query)%", "/reviews/0?x=1&y=2|/reviews/0|x=1&y=2")]
    [InlineData("%CEL(response.code + 1)%:%CEL(request.headers['none'])%", "201:-")]
    [InlineData("%CEL(request.useragent.startsWith('curl') ? 'tool' : 'browser')%", "tool")]
    [InlineData("%CEL(request.path):8%", "/reviews")]
    [InlineData("100%%", "100%")]
    public void Append_Operator_PrintsItsFact(string format, string expected) =>
        Assert.Equal(expected, Format(format, StreamSample.Create()));

    [Fact]
    public void Append_DetailsWithBlanks_AreUnderscored()
    {
        StreamInfo info = StreamSample.Create();
        info.ResponseCodeDetails = "upstream reset before\tresponse";
        info.Flags = ResponseFlags.Of(ResponseFlag.UpstreamConnectionFailure).With(ResponseFlag.UpstreamRetryLimitExceeded);

        Assert.Equal(
            "upstream_reset_before_response UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded",
            Format("%RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", info));
    }

    [Theory]
    [InlineData("%NO_SUCH%", "%NO_SUCH%")]
    [InlineData("ab %DURATION(x)%", "character 4")]
    [InlineData("%START_TIME(%Q)%", "%START_TIME%")]
    [InlineData("%RESPONSE_CODE_DETAILS(x)%", "ALLOW_WHITESPACES")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:NOWHERE:ms)%", "NOWHERE")]
    [InlineData("%METADATA(NOTHING:a:b)%", "NOTHING")]
    [InlineData("%CEL(request.nothing)%", "%CEL% is wrong: 'request.nothing'")]
    public void Compile_Bad_NamesTheOperator(string format, string named)
    {
        ConfigRejectedException error =
            Assert.Throws<ConfigRejectedException>(() => FormatProgram.Compile(format, "log_format.text_format"));

        Assert.Equal("log_format.text_format", error.Field);
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void Append_OmitMissing_PrintsNothing()
    {
        FormatOutput output = new();
        FormatProgram.Compile("[%REQ(NONE)%]", "format", omitMissing: true).Append(output, StreamSample.Create());

        Assert.Equal("[]", output.ToString());
    }

    private static string Format(string format, StreamInfo info)
    {
        FormatOutput output = new();
        FormatProgram.Compile(format, "format").Append(output, info, AccessLogType.DownstreamEnd);
        return output.ToString();
    }
}
