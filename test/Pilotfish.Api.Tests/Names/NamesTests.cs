using Pilotfish.Api.Names;

namespace Pilotfish.Api.Tests.Names;

public sealed class NamesTests
{
    [Fact]
    public void SpiffeId_PrintsWhatItParses()
    {
        const string Uri = "spiffe://cluster.local/ns/default/sa/sleep";

        Assert.True(SpiffeId.TryParse(Uri, out SpiffeId id));
        Assert.Equal(new SpiffeId("cluster.local", "default", "sleep"), id);
        Assert.Equal(Uri, id.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("https://cluster.local/ns/a/sa/b")]
    [InlineData("spiffe://cluster.local/ns/a")]
    [InlineData("spiffe://cluster.local/ns//sa/b")]
    [InlineData("spiffe://cluster.local/ns/a/sa/b/c")]
    public void SpiffeId_OfAnotherShape_IsRefused(string? uri)
    {
        Assert.False(SpiffeId.TryParse(uri, out _));
    }

    [Theory]
    [InlineData("reviews", "reviews.prod.svc.cluster.local")]
    [InlineData("reviews.test", "reviews.test")]
    [InlineData("*", "*")]
    [InlineData("*.example.com", "*.example.com")]
    public void ShortHost_BelongsToTheNamespaceOfItsObject(string host, string full)
    {
        Assert.Equal(full, ServiceHostname.Resolve(host, "prod"));
    }

    [Fact]
    public void ClusterName_PrintsWhatItParses()
    {
        const string Name = "outbound|9080|v1|reviews.default.svc.cluster.local";

        Assert.True(ClusterName.TryParse(Name, out ClusterName cluster));
        Assert.Equal(new ClusterName("outbound", 9080, "v1", "reviews.default.svc.cluster.local"), cluster);
        Assert.Equal(Name, cluster.ToString());
        Assert.False(ClusterName.TryParse("PassthroughCluster", out _));
    }
}
