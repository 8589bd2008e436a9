using Pilotfish.Language.Re2;
using Xunit;

namespace Pilotfish.Language.Tests.Re2;

public sealed class Re2RegexTests
{
    [Theory]
    [InlineData("a.c", "abc", true)]
    [InlineData("a.c", "xabc", false)]
    [InlineData("^a$", "a", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("\\d+", "123", true)]
    [InlineData("\\d", "٣", false)]
    [InlineData("[^\\D]", "5", true)]
    [InlineData("[[:alpha:]_]+", "ab_", true)]
    [InlineData("[[:]", ":", true)]
    [InlineData("[[:a]+", "[a:", true)]
    [InlineData("(?P<n>x)y", "xy", true)]
    [InlineData("(?i)abc", "ABC", true)]
    [InlineData("\\Qa.b\\E", "a.b", true)]
    [InlineData("\\Qa.b\\E", "axb", false)]
    [InlineData("\\x{41}", "A", true)]
    [InlineData("a{2,3}", "aaa", true)]
    [InlineData("a{,3}", "a{,3}", true)]
    [InlineData("\\pL+", "é", true)]
    [InlineData("a|b", "b", true)]
    [InlineData("/api/v[0-9]+/.*", "/api/v2/x", true)]
    public void Pattern_FullMatch_AsRe2(string pattern, string text, bool expected) =>
        Assert.Equal(expected, Re2Regex.Compile(pattern).IsFullMatch(text));

    [Theory]
    [InlineData("(?=a)")]
    [InlineData("(?<=a)b")]
    [InlineData("(?>a)")]
    [InlineData("(a)\\1")]
    [InlineData("a**")]
    [InlineData("a++")]
    [InlineData("a{2000}")]
    [InlineData("[[:][:^digit:]]")]
    [InlineData("[a")]
    [InlineData("(a")]
    [InlineData("a\\")]
    [InlineData("\\k")]
    public void Pattern_NotRe2_IsRefused(string pattern) => Assert.Throws<Re2SyntaxException>(() => Re2Regex.Compile(pattern));

    [Fact]
    public void Replace_Groups_AreInserted() =>
        Assert.Equal("/b/a", Re2Regex.Compile("^/(\\w+)/(\\w+)$").ReplaceAll("/a/b", "/\\2/\\1"));

    [Fact]
    public void Substitution_UnknownGroup_IsInvalid() => Assert.False(Re2Regex.Compile("(a)").IsValidSubstitution("\\2"));
}
