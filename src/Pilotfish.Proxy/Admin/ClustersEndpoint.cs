using System.Globalization;
using System.Text;
using Envoy.Admin.V3;
using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.Xds;
using RoutingPriority = Pilotfish.Proxy.Clusters.RoutingPriority;
using ProtoBreakers = Envoy.Config.Cluster.V3.CircuitBreakers;

namespace Pilotfish.Proxy.Admin;

/// <summary>/clusters: every active cluster, its breakers and its hosts.</summary>
internal sealed class ClustersEndpoint(ClusterDirectory clusters, ResourceTable fixedResources)
{
    public AdminEndpoint Endpoint => AdminEndpoint.Get("/clusters", "upstream cluster status", Answer);

    private void Answer(InternalRequest request, InternalResponse response)
    {
        List<ClusterState> sorted = [.. clusters.Active];
        sorted.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        if (request.Query("format") == "json")
        {
            Envoy.Admin.V3.Clusters message = new();
            foreach (ClusterState cluster in sorted)
            {
                message.ClusterStatuses.Add(Status(cluster));
            }

            response.ContentType = "application/json";
            JsonPrinter.Print(message, response.Body, JsonPrintOptions.EnvoyAdmin);
            return;
        }

        StringBuilder text = new();
        foreach (ClusterState cluster in sorted)
        {
            WriteCluster(cluster, text);
        }

        response.Write(text.ToString());
    }

    private bool IsAddedViaApi(ClusterState cluster) =>
        !fixedResources.Type(ResourceType.Cluster).Held.ContainsKey(cluster.Name);

    private void WriteCluster(ClusterState cluster, StringBuilder text)
    {
        string name = cluster.Name;
        text.Append($"{name}::observability_name::{cluster.Config.ObservabilityName}\n");
        WriteOutliers(cluster, text);
        foreach ((RoutingPriority priority, string label) in
            ((RoutingPriority, string)[])[(RoutingPriority.Default, "default_priority"), (RoutingPriority.High, "high_priority")])
        {
            CircuitBreakerConfig limits = cluster.Breaker(priority).Config;
            text.Append($"{name}::{label}::max_connections::{limits.ConnectionsMax}\n");
            text.Append($"{name}::{label}::max_pending_requests::{limits.PendingRequestsMax}\n");
            text.Append($"{name}::{label}::max_requests::{limits.RequestsMax}\n");
            text.Append($"{name}::{label}::max_retries::{limits.RetriesMax}\n");
        }

        text.Append($"{name}::added_via_api::{(IsAddedViaApi(cluster) ? "true" : "false")}\n");
        if (cluster.Config.Discovery == DiscoveryKind.Eds)
        {
            text.Append($"{name}::eds_service_name::{cluster.Config.EdsServiceName}\n");
        }

        foreach (Host host in cluster.Hosts.All)
        {
            string at = $"{name}::{host.AddressText}::";
            foreach ((string stat, long value, _) in Stats(host))
            {
                text.Append($"{at}{stat}::{value}\n");
            }

            text.Append($"{at}hostname::{host.Hostname}\n");
            text.Append($"{at}health_flags::{HealthFlags(host)}\n");
            text.Append($"{at}weight::{host.Weight}\n");
            text.Append($"{at}region::{host.Locality.Region}\n");
            text.Append($"{at}zone::{host.Locality.Zone}\n");
            text.Append($"{at}sub_zone::{host.Locality.SubZone}\n");
            text.Append($"{at}canary::{(host.IsCanary ? "true" : "false")}\n");
            text.Append($"{at}priority::{host.Config.Priority}\n");
            text.Append($"{at}success_rate::{Rate(host.Monitor.SuccessRate)}\n");
            text.Append($"{at}local_origin_success_rate::{Rate(host.Monitor.LocalOriginSuccessRate)}\n");
        }
    }

    private static void WriteOutliers(ClusterState cluster, StringBuilder text)
    {
        if (cluster.Config.Outlier is null)
        {
            return;
        }

        // A cluster that nobody has used yet has judged nothing.
        Health.OutlierDetector? outliers = cluster.Outliers;

        string at = $"{cluster.Name}::outlier::";
        text.Append($"{at}success_rate_average::{Rate(outliers?.SuccessRate.Average ?? -1)}\n");
        text.Append($"{at}success_rate_ejection_threshold::{Rate(outliers?.SuccessRate.Threshold ?? -1)}\n");
        text.Append($"{at}local_origin_success_rate_average::{Rate(outliers?.LocalOriginSuccessRate.Average ?? -1)}\n");
        text.Append($"{at}local_origin_success_rate_ejection_threshold::{Rate(outliers?.LocalOriginSuccessRate.Threshold ?? -1)}\n");
    }

    // Counters and gauges of a host in the order of their names.
    private static (string Name, long Value, SimpleMetric.Types.Type Type)[] Stats(Host host) =>
    [
        ("cx_active", host.ActiveConnections, SimpleMetric.Types.Type.Gauge),
        ("cx_connect_fail", host.ConnectFailures, SimpleMetric.Types.Type.Counter),
        ("cx_total", host.ConnectionsTotal, SimpleMetric.Types.Type.Counter),
        ("rq_active", host.ActiveRequests, SimpleMetric.Types.Type.Gauge),
        ("rq_error", host.Monitor.Failed, SimpleMetric.Types.Type.Counter),
        ("rq_success", host.Monitor.Succeeded, SimpleMetric.Types.Type.Counter),
        ("rq_timeout", host.Monitor.TimedOut, SimpleMetric.Types.Type.Counter),
        ("rq_total", host.RequestsTotal, SimpleMetric.Types.Type.Counter),
    ];

    private static string Rate(double percent) => percent.ToString("G6", CultureInfo.InvariantCulture);

    private static Percent? Percentage(double percent) => percent < 0 ? null : new Percent { Value = percent };

    private static string HealthFlags(Host host)
    {
        StringBuilder flags = new();
        Append(HostHealth.FailedActiveHealthCheck, "/failed_active_hc");
        Append(HostHealth.FailedOutlierCheck, "/failed_outlier_check");
        Append(HostHealth.FailedEdsHealth, "/failed_eds_health");
        Append(HostHealth.DegradedActiveHealthCheck, "/degraded_active_hc");
        Append(HostHealth.DegradedEdsHealth, "/degraded_eds_health");
        Append(HostHealth.PendingDynamicRemoval, "/pending_dynamic_removal");
        Append(HostHealth.PendingActiveHealthCheck, "/pending_active_hc");
        Append(HostHealth.ExcludedViaImmediateHealthCheckFailure, "/excluded_via_immediate_hc_fail");
        Append(HostHealth.ActiveHealthCheckTimeout, "/active_hc_timeout");
        Append(HostHealth.EdsStatusDraining, "/eds_status_draining");
        return flags.Length == 0 ? "healthy" : flags.ToString();

        void Append(HostHealth flag, string name)
        {
            if ((host.Health & flag) != 0)
            {
                flags.Append(name);
            }
        }
    }

    private ClusterStatus Status(ClusterState cluster)
    {
        ClusterStatus status = new()
        {
            Name = cluster.Name,
            AddedViaApi = IsAddedViaApi(cluster),
            ObservabilityName = cluster.Config.ObservabilityName,
            EdsServiceName = cluster.Config.Discovery == DiscoveryKind.Eds ? cluster.Config.EdsServiceName : "",
            CircuitBreakers = new ProtoBreakers(),
            SuccessRateEjectionThreshold = Percentage(cluster.Outliers?.SuccessRate.Threshold ?? -1),
            LocalOriginSuccessRateEjectionThreshold = Percentage(cluster.Outliers?.LocalOriginSuccessRate.Threshold ?? -1),
        };
        status.CircuitBreakers.Thresholds.Add(Thresholds(cluster, RoutingPriority.Default, Envoy.Config.Core.V3.RoutingPriority.Default));
        status.CircuitBreakers.Thresholds.Add(Thresholds(cluster, RoutingPriority.High, Envoy.Config.Core.V3.RoutingPriority.High));
        foreach (Host host in cluster.Hosts.All)
        {
            status.HostStatuses.Add(Status(host));
        }

        return status;
    }

    private static ProtoBreakers.Types.Thresholds Thresholds(
        ClusterState cluster, RoutingPriority priority, Envoy.Config.Core.V3.RoutingPriority name)
    {
        CircuitBreakerConfig limits = cluster.Breaker(priority).Config;
        return new ProtoBreakers.Types.Thresholds
        {
            Priority = name,
            MaxConnections = limits.ConnectionsMax,
            MaxPendingRequests = limits.PendingRequestsMax,
            MaxRequests = limits.RequestsMax,
            MaxRetries = limits.RetriesMax,
        };
    }

    private static HostStatus Status(Host host)
    {
        HostStatus status = new()
        {
            Address = AddressMessages.Of(host.Address),
            Hostname = host.Hostname,
            Weight = host.Weight,
            Priority = host.Config.Priority,
            Locality = new Envoy.Config.Core.V3.Locality
            {
                Region = host.Locality.Region, Zone = host.Locality.Zone, SubZone = host.Locality.SubZone,
            },
            HealthStatus = new HostHealthStatus
            {
                FailedActiveHealthCheck = (host.Health & HostHealth.FailedActiveHealthCheck) != 0,
                FailedOutlierCheck = (host.Health & HostHealth.FailedOutlierCheck) != 0,
                FailedActiveDegradedCheck = (host.Health & HostHealth.DegradedActiveHealthCheck) != 0,
                PendingDynamicRemoval = (host.Health & HostHealth.PendingDynamicRemoval) != 0,
                ExcludedViaImmediateHcFail = (host.Health & HostHealth.ExcludedViaImmediateHealthCheckFailure) != 0,
                ActiveHcTimeout = (host.Health & HostHealth.ActiveHealthCheckTimeout) != 0,
                PendingActiveHc = (host.Health & HostHealth.PendingActiveHealthCheck) != 0,
                EdsHealthStatus = (host.Health & HostHealth.FailedEdsHealth) != 0 ? HealthStatus.Unhealthy
                    : (host.Health & HostHealth.DegradedEdsHealth) != 0 ? HealthStatus.Degraded
                    : (host.Health & HostHealth.EdsStatusDraining) != 0 ? HealthStatus.Draining
                    : HealthStatus.Healthy,
            },
            SuccessRate = Percentage(host.Monitor.SuccessRate),
            LocalOriginSuccessRate = Percentage(host.Monitor.LocalOriginSuccessRate),
        };
        foreach ((string stat, long value, SimpleMetric.Types.Type type) in Stats(host))
        {
            status.Stats.Add(new SimpleMetric { Name = stat, Value = (ulong)value, Type = type });
        }

        return status;
    }
}
