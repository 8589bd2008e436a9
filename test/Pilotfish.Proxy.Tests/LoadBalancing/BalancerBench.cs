using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>Hosts and picks without a data plane around them.</summary>
internal sealed class BalancerBench(LoadBalancingPolicyModel policy, ulong seed = 42)
{
    private readonly WorkerRandom _random = new(seed);

    public List<Host> Hosts { get; } = [];

    public long NowMilliseconds { get; set; }

    public HostSet Set { get; private set; } = HostSet.Empty(1);

    private WorkerBalancer? _balancer;

    public Host Add(uint weight = 1, uint priority = 0, HostHealth health = HostHealth.Healthy, Locality? locality = null, uint localityWeight = 0,
        EndpointMetadata? metadata = null)
    {
        var host = new Host(
            new HostConfig(NetAddress.IPv4(10, 0, 0, (byte)(Hosts.Count + 1), 80), $"h{Hosts.Count}")
            {
                Weight = weight,
                Priority = priority,
                EdsHealth = health,
                Locality = locality ?? Locality.None,
                LocalityWeight = localityWeight,
                Metadata = metadata ?? EndpointMetadata.Empty,
            }, 1, 0);
        Hosts.Add(host);
        return host;
    }

    public BalancerBench Build()
    {
        Set = new HostSetBuilder(policy, Locality.None, 1).Build(Hosts);
        _balancer = new WorkerBalancer(policy, Set, _random);
        return this;
    }

    public Host? Pick(ulong? hash = null, uint attempt = 0) => _balancer!.Pick(hash, attempt, NowMilliseconds, out _);

    public Host? Foresee() => _balancer!.Foresee(0);

    public int[] Count(int picks)
    {
        int[] counts = new int[Hosts.Count];
        for (int i = 0; i < picks; i++)
        {
            if (Pick() is { } host)
            {
                counts[Hosts.IndexOf(host)]++;
            }
        }

        return counts;
    }
}
