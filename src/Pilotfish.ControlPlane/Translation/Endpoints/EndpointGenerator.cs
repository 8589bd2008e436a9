using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;
using Endpoint = Envoy.Config.Endpoint.V3.Endpoint;
using ServicePort = Pilotfish.ControlPlane.Registry.ServicePort;

namespace Pilotfish.ControlPlane.Translation.Endpoints;

/// <summary>
/// EDS. Depends on endpoints, on the service's ports, and on its DestinationRule (subsets, locality); an assignment is sent for
/// every cluster asked for, empty when nobody is there.
/// </summary>
public static class EndpointGenerator
{
    private const string CanonicalName = "service.istio.io/canonical-name";
    private const string CanonicalRevision = "service.istio.io/canonical-revision";
    private const string DefaultRevision = "latest";
    private const string TlsModeIstio = "istio";

    public static List<ClusterLoadAssignment> Generate(PushContext push, ProxyView proxy, IEnumerable<string> clusterNames)
    {
        var assignments = new List<ClusterLoadAssignment>();
        foreach (var name in clusterNames)
        {
            assignments.Add(Generate(push, proxy, name));
        }

        return assignments;
    }

    public static ClusterLoadAssignment Generate(PushContext push, ProxyView proxy, string clusterName)
    {
        if (!ClusterNames.TryParseOutbound(clusterName, out var number, out var subsetName, out var hostname)
            || proxy.Scope.Find(hostname) is not { } service
            || service.PortByNumber(number) is not { } port)
        {
            return new ClusterLoadAssignment { ClusterName = clusterName };
        }

        var rule = proxy.DestinationRule(push, service);
        var subset = rule?.Spec.Subsets.FirstOrDefault(candidate => candidate.Name == subsetName);
        if (subset is null && subsetName.Length > 0)
        {
            return new ClusterLoadAssignment { ClusterName = clusterName };
        }

        return Build(push, proxy, clusterName, service, port, rule, subset);
    }

    internal static ClusterLoadAssignment Build(
        PushContext push, ProxyView proxy, string clusterName, MeshService service, ServicePort port, MergedDestinationRule? rule,
        Subset? subset)
    {
        var byLocality = new SortedDictionary<string, LocalityLbEndpoints>(StringComparer.Ordinal);
        IReadOnlyDictionary<string, string> labels =
            subset is null ? EmptyLabels.Instance : new Dictionary<string, string>(subset.Labels);
        foreach (var endpoint in push.Endpoints.Of(service.Hostname).Of(port, labels))
        {
            if (endpoint.Health != EndpointHealth.Healthy || endpoint.Addresses.Count == 0
                || (service.NodeLocal && endpoint.NodeName != proxy.Node.NodeName))
            {
                continue;
            }

            if (!byLocality.TryGetValue(endpoint.Locality, out var group))
            {
                byLocality[endpoint.Locality] = group = new LocalityLbEndpoints { Locality = ToLocality(endpoint.Locality) };
            }

            group.LbEndpoints.Add(ToLbEndpoint(push, endpoint));
            group.LoadBalancingWeight = (group.LoadBalancingWeight ?? 0) + endpoint.Weight;
        }

        var assignment = new ClusterLoadAssignment { ClusterName = clusterName };
        assignment.Endpoints.AddRange(byLocality.Values);
        LocalityPriorities.Apply(push, proxy, assignment, rule, subset, port.Number);
        return assignment;
    }

    private static Locality ToLocality(string locality)
    {
        var parts = locality.Split('/');
        return new Locality
        {
            Region = parts[0],
            Zone = parts.Length > 1 ? parts[1] : "",
            SubZone = parts.Length > 2 ? parts[2] : "",
        };
    }

    private static LbEndpoint ToLbEndpoint(PushContext push, WorkloadEndpoint endpoint)
    {
        var target = new Endpoint { Address = Messages.Address(endpoint.Addresses[0], endpoint.Port) };
        if (push.Features.DualStack)
        {
            foreach (var address in endpoint.Addresses.Skip(1))
            {
                target.AdditionalAddresses.Add(new Endpoint.Types.AdditionalAddress
                {
                    Address = Messages.Address(address, endpoint.Port),
                });
            }
        }

        return new LbEndpoint
        {
            Endpoint = target,
            HealthStatus = HealthStatus.Healthy,
            LoadBalancingWeight = endpoint.Weight,
            Metadata = BuildMetadata(push, endpoint),
        };
    }

    private static Metadata BuildMetadata(PushContext push, WorkloadEndpoint endpoint)
    {
        var metadata = new Metadata();
        if (push.IdentityEnabled && endpoint.TlsMode == TlsModeIstio)
        {
            metadata.FilterMetadata[ExtensionNames.TransportSocketMatch] =
                Messages.Struct(("tlsMode", Value.ForString(TlsModeIstio)));
        }

        // Telemetry of the client names the server even when the server has no proxy that could answer for it.
        var canonical = CanonicalService(endpoint);
        var revision = endpoint.Labels.TryGetValue(CanonicalRevision, out var own) ? own
            : endpoint.Labels.GetValueOrDefault("app.kubernetes.io/version") ?? endpoint.Labels.GetValueOrDefault("version") ?? "";
        revision = revision == DefaultRevision ? "" : revision;
        IstioMetadata.Set(metadata, "workload", Value.ForString(
            $"{endpoint.WorkloadName};{endpoint.Namespace};{canonical};{revision};{endpoint.ClusterId}"));
        return metadata;
    }

    private static string CanonicalService(WorkloadEndpoint endpoint)
    {
        foreach (var label in (ReadOnlySpan<string>)[CanonicalName, "app.kubernetes.io/name", "app"])
        {
            if (endpoint.Labels.TryGetValue(label, out var value) && value.Length > 0)
            {
                return value;
            }
        }

        return endpoint.WorkloadName;
    }
}
