using System.Globalization;
using System.Text;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Routing;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Routing.Discovery.VhdsScene;

namespace Pilotfish.Proxy.Tests.Routing.Discovery;

/// <summary>Random responses: what was taken serves, what was refused serves as before, and no domain has two hosts.</summary>
public sealed class DiscoveredHostsPropertyTests
{
    private const int Domains = 6;
    private const int Names = 5;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Responses_ServeWhatTheySayTheyTook(int seed) => LoopRunner.Run(loop =>
    {
        var random = new Random(seed);
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{HostYaml("own", "d0", "own")}]");
        RouteConfigSlot slot = Assert.Single(scene.Bench.Context.VirtualHosts.Users).Slot;
        var taken = new Dictionary<string, string[]>();
        for (int step = 0; step < 300; step++)
        {
            var response = new Dictionary<string, string[]>();
            while (response.Count < 1 + random.Next(3))
            {
                response[$"r/{random.Next(Names)}"] = [.. Enumerable.Range(0, Domains).Where(_ => random.Next(3) == 0).Select(static i => $"d{i}")];
            }

            string[] removed = random.Next(3) == 0 ? [$"r/{random.Next(Names)}"] : [];
            removed = [.. removed.Where(name => !response.ContainsKey(name))];
            (string, IMessage?, string[])[] resources = [.. response.Select(
                static one => (one.Key, (IMessage?)new VirtualHost { Name = one.Key, Domains = { one.Value } }, Array.Empty<string>()))];
            HashSet<string> refused = [.. scene.Hosts.Send(resources, removed).Select(static r => r.Name)];

            foreach (string name in removed)
            {
                taken.Remove(name);
            }

            foreach ((string name, string[] domains) in response)
            {
                // None is refused without a reason, and a reason is never passed over.
                bool isFree = domains.Length > 0 && !domains.Contains("d0")
                    && !taken.Any(other => !response.ContainsKey(other.Key) && other.Value.Intersect(domains).Any());
                Assert.True(isFree || refused.Contains(name), $"seed {seed}, step {step}: {name} was taken");
                if (!refused.Contains(name))
                {
                    taken[name] = domains;
                }
            }

            var expected = new SortedDictionary<string, string> { ["d0"] = "own" };
            foreach ((string name, string[] domains) in taken)
            {
                foreach (string domain in domains)
                {
                    Assert.True(expected.TryAdd(domain, name), $"seed {seed}, step {step}: {domain} has two hosts");
                }
            }

            for (int i = 0; i < Domains; i++)
            {
                string domain = string.Create(CultureInfo.InvariantCulture, $"d{i}");
                Assert.Equal(expected.GetValueOrDefault(domain), slot.Current!.FindHost(Encoding.ASCII.GetBytes(domain))?.Name);
            }
        }

        Assert.True(taken.Count > 0);
        return Task.CompletedTask;
    });
}
