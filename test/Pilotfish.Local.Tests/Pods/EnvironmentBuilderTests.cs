using Pilotfish.Local.Pods;

namespace Pilotfish.Local.Tests.Pods;

public sealed class EnvironmentBuilderTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("$(A)-$(B)", "1-2")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$(C)", "$(C)")]
    [InlineData("$(A", "$(A")]
    [InlineData("$", "$")]
    [InlineData("a$b", "a$b")]
    public void Expand_KubernetesSyntax_AsTheKubelet(string text, string expanded) =>
        Assert.Equal(expanded, EnvironmentBuilder.Expand(text, new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" }));
}
