using System.Reflection;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>Every response flag and response code detail, produced by its cause: a real listener, real sockets, the access log's words.</summary>
public sealed class CauseTableTests
{
    // Their causes are filters that are not here yet, or (DF, LR) nothing that this data plane does.
    private static readonly ResponseFlag[] s_withoutCause =
    [
        ResponseFlag.LocalReset, ResponseFlag.UnauthorizedExternalService,
        ResponseFlag.ResponseFromCacheFilter, ResponseFlag.DnsResolutionFailed,
    ];

    // Both codecs refuse a request without path before the connection manager can; a host's framing is
    // upstream_reset_before_response_started{protocol_error} to the client.
    private static readonly string[] s_withoutRecord = [ResponseDetails.MissingPath, ResponseDetails.Http1ContentLengthNotAllowed];

    private static readonly Cause[] s_causes = [.. FlagCauses.All, .. FilterCauses.All, .. DetailCauses.All, .. CodecCauses.All, .. TcpCauses.All];

    public static TheoryData<string> Labels { get; } = [.. s_causes.Select(static cause => cause.Label)];

    [Theory]
    [MemberData(nameof(Labels))]
    public void Cause_Happens_TheRecordSaysSo(string label)
    {
        Cause cause = Assert.Single(s_causes, c => c.Label == label);
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new CauseBench(loop, clock);
            await cause.Happens(bench);
            await bench.UntilAsync(() => bench.Records.Count > 0);
            Assert.Equal(cause.Record, bench.Records[0]);
        });
    }

    [Fact]
    public void Flags_AllThatHaveACause_AreInTheTable()
    {
        HashSet<string> shown = [.. s_causes.SelectMany(static cause => cause.Flags)];
        Assert.Equal(
            Enum.GetValues<ResponseFlag>().Except(s_withoutCause).Select(ResponseFlagNames.Short).Order(StringComparer.Ordinal),
            shown.Except(["-"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Details_AllThatARecordCanShow_AreInTheTable()
    {
        IEnumerable<string> all = typeof(ResponseDetails).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(static field => field.IsLiteral).Select(static field => (string)field.GetRawConstantValue()!);
        HashSet<string> shown = [.. s_causes.Select(static cause => cause.Details.Split('{', '(')[0])];
        Assert.Empty(all.Except(s_withoutRecord).Except(shown));
    }
}
