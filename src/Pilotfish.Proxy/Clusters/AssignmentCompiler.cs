using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Type.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Runtime.Sockets;
using ProtoLocality = Envoy.Config.Core.V3.Locality;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Reads a ClusterLoadAssignment, inline or from EDS. Main loop.</summary>
internal static class AssignmentCompiler
{
    private const uint PriorityMax = 128;
    private const uint WeightMax = uint.MaxValue;

    public static AssignmentModel Compile(ClusterLoadAssignment assignment, bool resolvesNames, string field)
    {
        var hosts = new List<HostConfig>();
        var names = new List<NamedEndpoint>();
        for (int i = 0; i < assignment.Endpoints.Count; i++)
        {
            LocalityLbEndpoints group = assignment.Endpoints[i];
            if (group.Priority > PriorityMax)
            {
                throw new ConfigRejectedException(
                    $"{field}endpoints[{i}].priority", $"{group.Priority} is above {PriorityMax}");
            }

            Locality locality = group.Locality is { } given ? Convert(given) : Locality.None;
            var metadata = EndpointMetadata.From(group.Metadata);
            IReadOnlyList<LbEndpoint> endpoints = group.LoadBalancerEndpoints?.LbEndpoints ?? group.LbEndpoints;
            for (int j = 0; j < endpoints.Count; j++)
            {
                string at = $"{field}endpoints[{i}].lb_endpoints[{j}].endpoint";
                Add(endpoints[j], group, locality, metadata, resolvesNames, at, hosts, names);
            }
        }

        ClusterLoadAssignment.Types.Policy? policy = assignment.Policy;
        return new AssignmentModel
        {
            Hosts = hosts,
            Names = names,
            OverprovisioningFactor = policy?.OverprovisioningFactor ?? PriorityLoads.DefaultOverprovisioningFactor,
            DropPerMillion = Drop(policy),
            StaleAfterMilliseconds = ProtoValues.Milliseconds(policy?.EndpointStaleAfter, 0),
        };
    }

    internal static Locality Convert(ProtoLocality locality) => new(locality.Region, locality.Zone, locality.SubZone);

    private static void Add(
        LbEndpoint endpoint, LocalityLbEndpoints group, Locality locality, EndpointMetadata localityMetadata, bool resolvesNames, string field,
        List<HostConfig> hosts, List<NamedEndpoint> names)
    {
        if (endpoint.Endpoint is not { } target)
        {
            throw new ConfigRejectedException(field, "the endpoint is missing");
        }

        HostConfig template = new(default, target.Hostname)
        {
            Weight = Math.Clamp(endpoint.LoadBalancingWeight ?? 1, 1, WeightMax),
            Priority = group.Priority,
            Locality = locality,
            LocalityWeight = group.LoadBalancingWeight ?? 0,
            EdsHealth = Health(endpoint.HealthStatus),
            Metadata = EndpointMetadata.From(endpoint.Metadata),
            LocalityMetadata = localityMetadata,
            HealthCheckPort = (ushort)(target.HealthCheckConfig?.PortValue ?? 0),
            ActiveHealthCheckDisabled = target.HealthCheckConfig?.DisableActiveHealthCheck ?? false,
            HealthCheckHostname = target.HealthCheckConfig?.Hostname ?? "",
        };
        if (resolvesNames && target.Address?.SocketAddress is { } socket && !NetAddress.TryParseIp(socket.Address, 0, out _))
        {
            names.Add(new NamedEndpoint(socket.Address, ProtoValues.Port(socket, field + ".address"),
                template with { Hostname = target.Hostname.Length > 0 ? target.Hostname : socket.Address }));
            return;
        }

        var more = new List<NetAddress>();
        for (int i = 0; i < target.AdditionalAddresses.Count; i++)
        {
            more.Add(ProtoValues.Address(target.AdditionalAddresses[i].Address, $"{field}.additional_addresses[{i}].address"));
        }

        hosts.Add(template with
        {
            Address = ProtoValues.Address(target.Address, field + ".address"),
            AdditionalAddresses = more,
        });
    }

    private static HostHealth Health(HealthStatus status) => status switch
    {
        HealthStatus.Unhealthy or HealthStatus.Timeout => HostHealth.FailedEdsHealth,
        HealthStatus.Draining => HostHealth.EdsStatusDraining,
        HealthStatus.Degraded => HostHealth.DegradedEdsHealth,
        _ => HostHealth.Healthy,
    };

    // Categories add up; Envoy takes their sum, at most everything.
    private static uint Drop(ClusterLoadAssignment.Types.Policy? policy)
    {
        ulong sum = 0;
        if (policy is not null)
        {
            foreach (ClusterLoadAssignment.Types.Policy.Types.DropOverload drop in policy.DropOverloads)
            {
                sum += PerMillion(drop.DropPercentage);
            }
        }

        return (uint)Math.Min(sum, 1_000_000);
    }

    private static ulong PerMillion(FractionalPercent? percent) => percent is null ? 0 : percent.Denominator switch
    {
        FractionalPercent.Types.DenominatorType.Million => percent.Numerator,
        FractionalPercent.Types.DenominatorType.TenThousand => percent.Numerator * 100UL,
        _ => percent.Numerator * 10_000UL,
    };
}
