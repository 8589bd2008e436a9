using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Tests.Formats;

public sealed class FormatOperatorTableTests
{
    [Theory]
    [InlineData("")]
    [InlineData("100%% of %REQ(X-A?:PATH):5% at %START_TIME(%Y)%\n")]
    [InlineData("%COALESCE({\"operators\":[\"REQ(A)\",{\"operator\":\"RESPONSE_CODE\"}]})%")]
    [InlineData("%CEL(response.code >= 400)% %METADATA(ROUTE:a:b:c)% %COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%")]
    public void CheckFormat_Good_Passes(string format) => FormatOperatorTable.CheckFormat(format);

    [Theory]
    [InlineData("a %NO_SUCH%", "operator %NO_SUCH% is not known (at character 3 of the format)")]
    [InlineData("a %DURATION(x)%", "operator %DURATION% takes no arguments, but has '(x)' (at character 3 of the format)")]
    [InlineData("%RESPONSE_CODE", "operator '%RESPONSE_CODE' does not end")]
    [InlineData("%CEL(response.kode)%", "operator %CEL% is wrong: 'response.kode'")]
    [InlineData("%COALESCE({\"operators\":[\"NO_SUCH\"]})%", "operator %NO_SUCH% is not known (at character 1 of the format)")]
    [InlineData("%COALESCE({)%", "no JSON at byte 2")]
    [InlineData("%COALESCE({\"operators\":1})%", "needs a JSON object with a list 'operators'")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:HERE:ms)%", "the time point 'HERE'; there are DS_RX_BEG, DS_RX_END")]
    [InlineData("%GRPC_STATUS(UPPER)%", "CAMEL_STRING, SNAKE_STRING and NUMBER are known")]
    [InlineData("%START_TIME(%Q)%", "operator %START_TIME% is wrong: the time format has the specifier '%Q'")]
    public void CheckFormat_Bad_NamesOperatorAndPosition(string format, string problem)
    {
        FormatSyntaxException error = Assert.Throws<FormatSyntaxException>(() => FormatOperatorTable.CheckFormat(format));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
