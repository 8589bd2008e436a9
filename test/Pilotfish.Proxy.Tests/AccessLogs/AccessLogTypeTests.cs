using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using ProtoType = Envoy.Data.Accesslog.V3.AccessLogType;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>The types of records are those of the protocol, by name and by number.</summary>
public sealed class AccessLogTypeTests
{
    public static TheoryData<ProtoType> All => [.. Enum.GetValues<ProtoType>()];

    [Theory]
    [MemberData(nameof(All))]
    public void AccessLogType_Prints_TheNameOfItsNumber(ProtoType type)
    {
        var source = new FormatSource(StreamSample.Create(), (AccessLogType)type);
        var output = new FormatOutput();
        FormatProgram.Compile("%ACCESS_LOG_TYPE%", "format").Append(output, in source);
        Assert.Equal(type.ToString(), System.Text.Encoding.ASCII.GetString(output.Written));
    }

    [Fact]
    public void Types_WithRecordsToFollow_AreIntermediate() => Assert.Equal(
        ["NotSet", "TcpConnectionEnd", "DownstreamEnd", "UpstreamEnd", "UdpSessionEnd"],
        Enum.GetValues<AccessLogType>().Where(static type => !AccessLogTypes.IsIntermediate(type)).Select(static type => type.ToString()));
}
