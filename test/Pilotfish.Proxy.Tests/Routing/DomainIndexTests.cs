using System.Text;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class DomainIndexTests
{
    [Theory]
    [InlineData("a.example.com", "exact")]
    [InlineData("A.Example.COM", "exact")]
    [InlineData("x.example.com", "suffix")]
    [InlineData("x.y.example.com", "suffix")]
    [InlineData("z.com", "short suffix")]
    [InlineData("api.z", "prefix")]
    [InlineData("api.", "any")]
    [InlineData(".example.com", "short suffix")]
    [InlineData("other", "any")]
    public void Host_MostSpecificDomainWins(string host, string expected)
    {
        DomainIndex index = Index(
            ("*", "any"), ("*.com", "short suffix"), ("*.example.com", "suffix"), ("a.example.com", "exact"), ("api.*", "prefix"));
        Assert.Equal(expected, index.Find(Encoding.ASCII.GetBytes(host))?.Name);
    }

    [Fact]
    public void Domain_Twice_IsRejected()
    {
        var index = new DomainIndex();
        index.Add("a.b", Host("1"), "f");
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => index.Add("A.b", Host("2"), "virtual_hosts[1].domains[0]"));
        Assert.Equal("virtual_hosts[1].domains[0]", rejected.Field);
    }

    private static DomainIndex Index(params (string Domain, string Name)[] domains)
    {
        var index = new DomainIndex();
        foreach ((string domain, string name) in domains)
        {
            index.Add(domain, Host(name), "f");
        }

        index.Complete();
        return index;
    }

    private static VirtualHostModel Host(string name) => new() { Name = name, Routes = [], Index = new RouteIndex([], []) };
}
