using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Tests.Registry;

public sealed class HostNamesTests
{
    [Theory]
    [InlineData("a.b", "a.b", true)]
    [InlineData("*.b", "a.b", true)]
    [InlineData("*", "a.b", true)]
    [InlineData("*.b", "*.a.b", true)]
    [InlineData("*.b", "b", false)]
    [InlineData("*.c", "a.b", false)]
    public void Match_FindsIntersectionBothWays(string left, string right, bool expected)
    {
        Assert.Equal(expected, HostNames.Match(left, right));
        Assert.Equal(expected, HostNames.Match(right, left));
    }

    [Theory]
    [InlineData("reviews", "reviews.ns.svc.cluster.local")]
    [InlineData("reviews.prod", "reviews.prod")]
    [InlineData("*", "*")]
    public void ResolveShort_CompletesOnlyNamesWithoutDots(string host, string expected) =>
        Assert.Equal(expected, HostNames.ResolveShort(host, "ns", "cluster.local"));
}
