using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>Which virtual host serves a request, by Host or by vhost_header.</summary>
public sealed class VirtualHostChoiceTests
{
    // A host's place in the list is its status, from 201; nobody: 404.
    private static readonly string[] s_domains = ["h.example", "h.example:81", "*.example", "*-x.example", "h.*", "h.ex*", "[::1]"];

    [Theory]
    [InlineData("h.example", false, 201)]
    [InlineData("H.Example", false, 201)]
    [InlineData("h.example:81", false, 202)]
    [InlineData("h.example:82", false, 206)]
    [InlineData("a.example", false, 203)]
    [InlineData("a-x.example", false, 204)]
    [InlineData("-x.example", false, 203)]
    [InlineData(".example", false, 404)]
    [InlineData("h.", false, 404)]
    [InlineData("h.org", false, 205)]
    [InlineData("h.ex", false, 205)]
    [InlineData("h.exa", false, 206)]
    [InlineData("[::1]", false, 207)]
    [InlineData("[::1]:80", false, 404)]
    [InlineData("h.example:82", true, 201)]
    [InlineData("h.example:81", true, 201)]
    [InlineData("[::1]:80", true, 207)]
    public void Host_FindsItsVirtualHost(string host, bool ignoresPort, int status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        RouteConfiguration routes = Routes(s_domains);
        routes.IgnorePortInHostMatching = ignoresPort;
        bench.Serve(routes);
        Assert.StartsWith($"HTTP/1.1 {status} ", await AnswerAsync(bench, $"Host: {host}\r\n"));
    });

    [Theory]
    [InlineData("x-vhost: h.example\r\n", 201)]
    [InlineData("x-vhost: H.EXAMPLE:82\r\n", 206)]
    [InlineData("x-vhost: nothing.at.all\r\n", 404)]
    [InlineData("", 404)]
    public void VhostHeader_StandsInForHost(string header, int status) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        RouteConfiguration routes = Routes(s_domains);
        routes.VhostHeader = "X-Vhost";
        bench.Serve(routes);
        Assert.StartsWith($"HTTP/1.1 {status} ", await AnswerAsync(bench, $"Host: a.example\r\n{header}"));
    });

    [Theory]
    [InlineData("exact", "a.b", "A.b")]
    [InlineData("suffix", "*.b", "*.B")]
    [InlineData("prefix", "a.*", "A.*")]
    [InlineData("any", "*", "*")]
    public void Domain_OfTwoHosts_IsRefusedByItsPlace(string label, string first, string second) => LoopRunner.Run(loop =>
    {
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(Routes([first, second])));
        Assert.True(rejected.Field == "route_config.virtual_hosts[1].domains[0]", $"{label}: {rejected.Message}");
        return Task.CompletedTask;
    });

    private static async Task<string> AnswerAsync(ProxyBench bench, string headers)
    {
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\n{headers}\r\n");
        return await client.ReadHeadAsync();
    }

    private static RouteConfiguration Routes(string[] domains)
    {
        var routes = new RouteConfiguration { Name = "r" };
        for (int i = 0; i < domains.Length; i++)
        {
            routes.VirtualHosts.Add(new VirtualHost
            {
                Name = $"host {i}",
                Domains = { domains[i] },
                Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, DirectResponse = new DirectResponseAction { Status = (uint)(201 + i) } } },
            });
        }

        return routes;
    }
}
