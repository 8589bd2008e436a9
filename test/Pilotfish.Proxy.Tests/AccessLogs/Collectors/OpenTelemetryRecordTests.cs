using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Logs.V1;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Xunit;
using AccessLogType = Pilotfish.Proxy.AccessLogs.AccessLogType;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

public sealed class OpenTelemetryRecordTests
{
    [Fact]
    public void Body_AndAttributes_AreFormatted_ListsAndMapsToo()
    {
        AnyValue body = Map(
            ("request", Text("%REQ(:METHOD)% %REQ(:PATH)%")),
            ("list", new AnyValue { ArrayValue = new ArrayValue { Values = { Text("%RESPONSE_CODE%"), Map(("k", Text(""))) } } }));
        LogRecord record = Read(Format(body, ("status", Text("%RESPONSE_CODE%")), ("none", Text("%REQ(x-none)%"))), StreamSample.Create());
        Assert.Equal(
            Map(
                ("request", Text("GET /reviews/0?x=1&y=2")),
                ("list", new AnyValue { ArrayValue = new ArrayValue { Values = { Text("200"), Map(("k", Text(""))) } } })),
            record.Body);
        Assert.Equal(
            [new KeyValue { Key = "status", Value = Text("200") }, new KeyValue { Key = "none", Value = Text("-") }], record.Attributes);
        Assert.Equal(
            (ulong)(StreamSample.Create().StartTime.ToUnixTimeMilliseconds() * 1_000_000), record.TimeUnixNano);
    }

    [Fact]
    public void WithoutBody_ThereIsNone()
    {
        LogRecord record = Read(Format(null), StreamSample.Create());
        Assert.Null(record.Body);
        Assert.Empty(record.Attributes);
        Assert.Empty(record.TraceId);
    }

    [Theory]
    [InlineData("0af7651916cd43dd8448eb211c80319c", "0AF7651916CD43DD8448EB211C80319C")]
    [InlineData("8448eb211c80319c", "00000000000000008448EB211C80319C")]
    [InlineData("8448eb211c80319", "")]
    [InlineData("zz48eb211c80319c", "")]
    public void TraceId_IsSixteenBytes(string trace, string expected)
    {
        StreamInfo info = StreamSample.Create();
        info.TraceId = trace;
        Assert.Equal(expected, Convert.ToHexString(Read(Format(null), info).TraceId.Span));
    }

    [Fact]
    public void FilterState_AndTags_FollowTheAttributes()
    {
        StreamInfo info = StreamSample.Create();
        info.EnsureFilterState().Set("upstream_peer", new FilterStateText("a\"b"));
        var format = new OpenTelemetryRecordFormat(
            null, [], ["upstream_peer", "absent"],
            LogTag.Compile(
                [new() { Tag = "t", Value = "%RESPONSE_CODE%" }, new() { Tag = "none", Value = "%REQ(x-none)%" }], "tags"));
        Assert.Equal(
            [new KeyValue { Key = "upstream_peer", Value = Text("\"a\\\"b\"") }, new KeyValue { Key = "t", Value = Text("200") }],
            Read(format, info).Attributes);
    }

    [Fact]
    public void BytesThatAreNoUtf8_AreReplaced()
    {
        StreamInfo info = StreamSample.Create();
        var headers = new Proxy.Http.HeaderMap();
        headers.Add("x-a"u8, [0xFF, (byte)'b']);
        info.RequestHeaders = headers;
        Assert.Equal("<!b>", Read(Format(Text("<%REQ(x-a)%>")), info).Body.StringValue);
    }

    public static TheoryData<AnyValue, string> BadValues => new()
    {
        { new AnyValue { IntValue = 1 }, "body" },
        { Map(("a", new AnyValue { ArrayValue = new ArrayValue { Values = { Text("x"), new AnyValue() } } })), "body.a[1]" },
        { Map(("a", Text("%NO_SUCH%"))), "body.a" },
    };

    [Theory]
    [MemberData(nameof(BadValues))]
    public void ValueThatIsNoFormat_IsRejectedWithItsField(AnyValue value, string field) =>
        Assert.Equal(field, Assert.Throws<ConfigRejectedException>(() => OpenTelemetryTemplate.CompileValue(value, "body")).Field);

    private static LogRecord Read(OpenTelemetryRecordFormat format, StreamInfo info) =>
        LogEntrySample.Read(format, info, AccessLogType.DownstreamEnd, LogRecord.Parser);

    private static OpenTelemetryRecordFormat Format(AnyValue? body, params (string Key, AnyValue Value)[] attributes) => new(
        body is null ? null : OpenTelemetryTemplate.CompileValue(body, "body"),
        OpenTelemetryTemplate.CompileList(Map(attributes).KvlistValue.Values, "attributes"), [], []);

    private static AnyValue Text(string text) => new() { StringValue = text };

    private static AnyValue Map(params (string Key, AnyValue Value)[] members)
    {
        var list = new KeyValueList();
        foreach ((string key, AnyValue value) in members)
        {
            list.Values.Add(new KeyValue { Key = key, Value = value });
        }

        return new AnyValue { KvlistValue = list };
    }
}
