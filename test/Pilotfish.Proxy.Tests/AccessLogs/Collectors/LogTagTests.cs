using Envoy.Data.Accesslog.V3;
using Envoy.Type.Metadata.V3;
using Envoy.Type.Tracing.V3;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Xunit;
using AccessLogType = Pilotfish.Proxy.AccessLogs.AccessLogType;
using Kind = Envoy.Type.Metadata.V3.MetadataKind;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

public sealed class LogTagTests
{
    public static TheoryData<string, CustomTag, string?> Tags => new()
    {
        { "literal", new CustomTag { Tag = "t", Literal = new() { Value = "v" } }, "v" },
        { "empty literal", new CustomTag { Tag = "t", Literal = new() }, null },
        { "header", new CustomTag { Tag = "t", RequestHeader = new() { Name = "User-Agent", DefaultValue = "d" } }, "curl/8" },
        { "absent header", new CustomTag { Tag = "t", RequestHeader = new() { Name = "x-none", DefaultValue = "d" } }, "d" },
        { "absent header, no default", new CustomTag { Tag = "t", RequestHeader = new() { Name = "x-none" } }, null },
        { "variable that is not set", new CustomTag { Tag = "t", Environment = new() { Name = "PF_NOT_SET", DefaultValue = "d" } }, "d" },
        { "format", new CustomTag { Tag = "t", Value = "%REQ(:METHOD)%-%RESPONSE_CODE%" }, "GET-200" },
        { "format of nothing", new CustomTag { Tag = "t", Value = "%REQ(x-none)%" }, null },
        { "text of metadata", Metadata(new Kind { Request = new() }, "deep", "text"), "found" },
        { "struct of metadata", Metadata(new Kind { Request = new() }, "deep"), "{\"text\":\"found\"}" },
        { "metadata of the host", Metadata(new Kind { Host = new() }, "deep"), "d" },
    };

    [Theory]
    [MemberData(nameof(Tags))]
    public void Tag_HasItsValue_OrIsLeftOut(string label, CustomTag tag, string? expected)
    {
        StreamInfo info = StreamSample.Create();
        info.EnsureMetadata().Set("space", MetadataValue.Of(
        [
            KeyValuePair.Create("deep", MetadataValue.Of([KeyValuePair.Create("text", MetadataValue.Of("found"))])),
        ]));
        var tags = LogEntrySample.Read(
            LogEntrySample.Http(tags: LogTag.Compile([tag], "tags")), info, AccessLogType.DownstreamEnd, HTTPAccessLogEntry.Parser)
            .CommonProperties.CustomTags;
        Assert.Equal(expected, tags.TryGetValue("t", out string? value) ? value : null);
        Assert.NotEmpty(label);
    }

    public static TheoryData<CustomTag, string> BadTags => new()
    {
        { new CustomTag { Literal = new() }, "tags[0].tag" },
        { new CustomTag { Tag = "t" }, "tags[0]" },
        { new CustomTag { Tag = "t", Value = "%NO_SUCH%" }, "tags[0].value" },
        { Metadata(new Kind(), "x"), "tags[0].metadata.kind" },
    };

    [Theory]
    [MemberData(nameof(BadTags))]
    public void BadTag_IsRejectedWithItsField(CustomTag tag, string field) =>
        Assert.Equal(field, Assert.Throws<ConfigRejectedException>(() => LogTag.Compile([tag], "tags")).Field);

    private static CustomTag Metadata(Kind kind, params string[] path)
    {
        var key = new MetadataKey { Key = "space" };
        foreach (string part in path)
        {
            key.Path.Add(new MetadataKey.Types.PathSegment { Key = part });
        }

        return new CustomTag { Tag = "t", Metadata = new() { Kind = kind, MetadataKey = key, DefaultValue = "d" } };
    }
}
