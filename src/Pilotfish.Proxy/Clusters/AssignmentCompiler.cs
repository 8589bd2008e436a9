using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Type.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Runtime.Sockets;
using ProtoLocality = Envoy.Config.Core.V3.Locality;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Reads a ClusterLoadAssignment, inline or from EDS. Main loop.</summary>
internal static class AssignmentCompiler
{
    private const uint PriorityMax = 128;
    private const uint WeightMax = uint.MaxValue;

    /// <param name="assignment">The message.</param>
    /// <param name="resolvesNames">Whether endpoints may be names.</param>
    /// <param name="field">The path of the message within its resource, with its last dot.</param>
    /// <param name="warnings">Where fields without effect are told; null when the message was checked before.</param>
    /// <param name="resource">What warnings call the resource.</param>
    public static AssignmentModel Compile(
        ClusterLoadAssignment assignment, bool resolvesNames, string field, ConfigProblems? warnings = null, string resource = "")
    {
        if (warnings is not null)
        {
            CheckUnheeded(assignment, field, resource, warnings);
        }

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
            DropPerMillion = Drop(policy, field),
            WeighsHealth = policy?.WeightedPriorityHealth ?? false,
            StaleAfterMilliseconds = ProtoValues.Milliseconds(policy?.EndpointStaleAfter, 0),
        };
    }

    private static void CheckUnheeded(ClusterLoadAssignment assignment, string field, string resource, ConfigProblems warnings)
    {
        UnheededFields.Check(UnheededFields.OfAssignment, assignment, field.TrimEnd('.'), resource, warnings);
        for (int i = 0; i < assignment.Endpoints.Count; i++)
        {
            LocalityLbEndpoints group = assignment.Endpoints[i];
            UnheededFields.Check(UnheededFields.OfLocalityEndpoints, group, $"{field}endpoints[{i}]", resource, warnings);
            IReadOnlyList<LbEndpoint> endpoints = group.LoadBalancerEndpoints?.LbEndpoints ?? group.LbEndpoints;
            for (int j = 0; j < endpoints.Count; j++)
            {
                if (endpoints[j].HostIdentifierCase == LbEndpoint.HostIdentifierOneofCase.EndpointName)
                {
                    UnheededFields.Check(UnheededFields.OfLbEndpoint, endpoints[j], $"{field}endpoints[{i}].lb_endpoints[{j}]", resource, warnings);
                }
            }
        }
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
            ProxyTlvs = TlvTemplate.OfEndpoint(endpoint.Metadata, $"{field[..^".endpoint".Length]}.metadata"),
            HealthCheckAddress = HealthCheckAddress(target.HealthCheckConfig, $"{field}.health_check_config"),
            HealthCheckPort = HealthCheckPort(target.HealthCheckConfig, $"{field}.health_check_config"),
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

    private static NetAddress? HealthCheckAddress(Endpoint.Types.HealthCheckConfig? check, string field) =>
        check?.Address is { } address ? ProtoValues.Address(address, field + ".address") : null;

    private static ushort HealthCheckPort(Endpoint.Types.HealthCheckConfig? check, string field)
    {
        uint port = check?.PortValue ?? 0;
        return port <= ushort.MaxValue
            ? (ushort)port
            : throw new ConfigRejectedException(field + ".port_value", $"{port} is above {ushort.MaxValue}");
    }

    private static HostHealth Health(HealthStatus status) => status switch
    {
        HealthStatus.Unhealthy or HealthStatus.Timeout => HostHealth.FailedEdsHealth,
        HealthStatus.Draining => HostHealth.EdsStatusDraining,
        HealthStatus.Degraded => HostHealth.DegradedEdsHealth,
        _ => HostHealth.Healthy,
    };

    // The API has a list, of which Envoy takes one element.
    private static uint Drop(ClusterLoadAssignment.Types.Policy? policy, string field)
    {
        if (policy is null || policy.DropOverloads.Count == 0)
        {
            return 0;
        }

        if (policy.DropOverloads.Count > 1)
        {
            throw new ConfigRejectedException(
                field + "policy.drop_overloads", $"{policy.DropOverloads.Count} categories are given; only one can be dropped");
        }

        ulong share = PerMillion(policy.DropOverloads[0].DropPercentage);
        return share <= 1_000_000
            ? (uint)share
            : throw new ConfigRejectedException(field + "policy.drop_overloads[0].drop_percentage", "more than all requests cannot be dropped");
    }

    private static ulong PerMillion(FractionalPercent? percent) => percent is null ? 0 : percent.Denominator switch
    {
        FractionalPercent.Types.DenominatorType.Million => percent.Numerator,
        FractionalPercent.Types.DenominatorType.TenThousand => percent.Numerator * 100UL,
        _ => percent.Numerator * 10_000UL,
    };
}
