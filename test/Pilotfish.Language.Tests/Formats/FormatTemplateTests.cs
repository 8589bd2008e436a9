using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Tests.Formats;

public sealed class FormatTemplateTests
{
    [Fact]
    public void Parse_TextAndOperators_KeepsOrder()
    {
        FormatTemplate template = FormatTemplate.Parse("[%START_TIME%] 100%% %REQ(X-A?:PATH):5%\n");

        Assert.Collection(
            template.Parts,
            part => Assert.Equal("[", part.Literal),
            part => Assert.Equal("START_TIME", part.Operator!.Name),
            part => Assert.Equal("] 100% ", part.Literal),
            part => Assert.Equal(new FormatOperator("REQ", "X-A?:PATH", 5, 21), part.Operator),
            part => Assert.Equal("\n", part.Literal));
    }

    [Theory]
    [InlineData("%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%", "%Y-%m-%dT%H:%M:%S.%3fZ")]
    [InlineData("%CEL(f(a) % 2):3%", "f(a) % 2")]
    [InlineData("%DYNAMIC_METADATA(a:b)%", "a:b")]
    [InlineData("%RESPONSE_CODE_DETAILS()%", "")]
    public void Parse_ArgumentsWithPercentOrParentheses_EndAtTheOperatorsEnd(string format, string arguments) =>
        Assert.Equal(arguments, FormatTemplate.Parse(format).SingleOperator!.Arguments);

    [Theory]
    [InlineData("a % b", 2)]
    [InlineData("%DURATION", 0)]
    [InlineData("x%REQ(A%", 1)]
    [InlineData("%REQ(A):x%", 0)]
    [InlineData("%REQ(A):%", 0)]
    [InlineData("%duration%", 0)]
    [InlineData("ends with %", 10)]
    public void Parse_Malformed_NamesThePosition(string format, int position)
    {
        FormatSyntaxException error = Assert.Throws<FormatSyntaxException>(() => FormatTemplate.Parse(format));

        Assert.Equal(position, error.Position);
    }

    [Fact]
    public void Parse_TooLong_IsRejected() =>
        Assert.Throws<FormatSyntaxException>(() => FormatTemplate.Parse(new string('x', FormatTemplate.LengthMax + 1)));

    [Theory]
    [InlineData("%REQ(X-A)%", "x-a", null)]
    [InlineData("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "x-envoy-original-path", ":path")]
    public void HeaderArguments_OneOrTwoNames_AreLowerCase(string format, string main, string? alternative) =>
        Assert.Equal(
            new HeaderArguments(main, alternative), HeaderArguments.Parse(FormatTemplate.Parse(format).SingleOperator!));

    [Theory]
    [InlineData("%REQ%")]
    [InlineData("%REQ()%")]
    [InlineData("%REQ(a?b?c)%")]
    [InlineData("%REQ(a b)%")]
    public void HeaderArguments_Bad_AreRejectedWithOperatorsName(string format)
    {
        FormatOperator source = FormatTemplate.Parse(format).SingleOperator!;

        Assert.Contains("%REQ%", Assert.Throws<FormatSyntaxException>(() => HeaderArguments.Parse(source)).Message);
    }

    [Fact]
    public void Parse_AnyText_EndsWithTemplateOrSyntaxException() =>
        CsCheck.Check.Sample(CsCheck.Gen.String["%(:)A1_ x?"], text =>
        {
            try
            {
                FormatTemplate.Parse(text);
            }
            catch (FormatSyntaxException)
            {
                // The only way to fail.
            }
        });
}
