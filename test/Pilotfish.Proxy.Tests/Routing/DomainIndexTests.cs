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
    [InlineData("a.example.com\u00BF", "any")]
    public void Host_MostSpecificDomainWins(string host, string expected)
    {
        DomainIndex index = Index(
            ("*", "any"), ("*.com", "short suffix"), ("*.example.com", "suffix"), ("a.example.com", "exact"), ("api.*", "prefix"));
        Assert.Equal(expected, index.Find(Encoding.Latin1.GetBytes(host))?.Name);
    }

    [Fact]
    public void Domain_Twice_IsRejected()
    {
        var index = new DomainIndex();
        index.Add("a.b", Host("1"), "f");
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => index.Add("A.b", Host("2"), "virtual_hosts[1].domains[0]"));
        Assert.Equal("virtual_hosts[1].domains[0]", rejected.Field);
    }

    [Fact]
    public void Domains_OfManyHosts_AreFoundAmongNamesThatBeginAlike()
    {
        const int Hosts = 3000;
        var index = new DomainIndex();
        for (int i = 0; i < Hosts; i++)
        {
            VirtualHostModel host = Host($"svc-{i}");
            foreach (string domain in Domains(i))
            {
                index.Add(domain, host, "f");
            }
        }

        index.Complete();
        for (int i = 0; i < Hosts; i++)
        {
            foreach (string domain in Domains(i))
            {
                Assert.Equal($"svc-{i}", index.Find(Encoding.ASCII.GetBytes(domain))?.Name);
            }

            Assert.Null(index.Find(Encoding.ASCII.GetBytes($"svc-{i}.defaul")));
        }

        Assert.Throws<ConfigRejectedException>(() => index.Add("svc-2999.default", Host("again"), "f"));

        static string[] Domains(int i) =>
        [
            $"svc-{i}.default.svc.cluster.local", $"svc-{i}.default.svc.cluster.local.", $"svc-{i}", $"svc-{i}.default.svc", $"svc-{i}.default",
            $"10.96.{i / 250}.{i % 250}", $"*.svc-{i}.example", $"svc-{i}.x.*",
        ];
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

    private static VirtualHostModel Host(string name) => new(name, [], VirtualHostSettings.Default);
}
