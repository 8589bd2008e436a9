using System.Text.Json;
using Google.Protobuf;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane.Debug;

/// <summary>Pages about the server as a whole.</summary>
internal static class StatusPages
{
    private static readonly (string TypeUrl, string Name)[] s_synced =
    [
        (TypeUrls.Cluster, "cluster"), (TypeUrls.Listener, "listener"), (TypeUrls.RouteConfiguration, "route"),
        (TypeUrls.ClusterLoadAssignment, "endpoint"), (TypeUrls.ExtensionConfiguration, "extensionconfig"),
    ];

    /// <summary>What every proxy was sent and has acknowledged; <c>current</c> is false while a push is still to be sent.</summary>
    public static void Sync(DiscoveryServer server, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var session in server.Sessions)
        {
            if (session.Node is not { } node)
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteString("cluster_id", node.ClusterId);
            json.WriteString("proxy", $"{node.PodName}.{node.Namespace}");
            json.WriteString("proxy_type", node.Type.ToString().ToLowerInvariant());
            json.WriteString("istio_version", node.IstioVersion);
            json.WriteBoolean("current", ReferenceEquals(session.Push, server.Current));
            foreach (var (typeUrl, name) in s_synced)
            {
                if (session.Subscriptions.FirstOrDefault(candidate => candidate.TypeUrl == typeUrl) is { } subscription)
                {
                    json.WriteString($"{name}_sent", subscription.NonceSent);
                    json.WriteString($"{name}_acked", subscription.NonceAcked);
                    if (subscription.LastError is { } error)
                    {
                        json.WriteString($"{name}_error", error);
                    }
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static void Connections(DiscoveryServer server, Utf8JsonWriter json)
    {
        var sessions = server.Sessions.ToList();
        json.WriteStartObject();
        json.WriteNumber("totalClients", sessions.Count);
        json.WriteStartArray("clients");
        foreach (var session in sessions)
        {
            json.WriteStartObject();
            json.WriteString("connectionId", $"{session.Node?.Id}-{session.Id}");
            json.WriteStartObject("watches");
            foreach (var subscription in session.Subscriptions)
            {
                json.WriteNumber(XdsTypes.ShortName(subscription.TypeUrl), subscription.Resources.Count);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>All Istio objects in force.</summary>
    public static void Config(DiscoveryServer server, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var item in server.Current?.Snapshot.All.OrderBy(static o => o.Key.ToString(), StringComparer.Ordinal) ?? Enumerable.Empty<ConfigObject>())
        {
            if (item.Body is not IMessage spec || item.Key.Kind == ConfigKind.MeshConfig)
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteString("kind", item.Meta.Kind);
            json.WriteString("apiVersion", item.Meta.ApiVersion);
            json.WriteStartObject("metadata");
            json.WriteString("name", item.Meta.Name);
            json.WriteString("namespace", item.Meta.Namespace);
            json.WriteEndObject();
            json.WritePropertyName("spec");
            json.WriteRawValue(JsonPrinter.Print(spec, JsonPrintOptions.Compact with { Types = PilotfishTypes.All }));
            json.WriteString("origin", item.Origin);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static void Problems(DiscoveryServer server, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var problem in server.Problems)
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
    }

    public static void Registry(DiscoveryServer server, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var service in server.Current?.Services.All ?? [])
        {
            json.WriteStartObject();
            json.WriteString("hostname", service.Hostname);
            json.WriteString("namespace", service.Namespace);
            json.WriteString("resolution", service.Resolution.ToString());
            json.WriteStartArray("addresses");
            foreach (var address in service.Addresses)
            {
                json.WriteStringValue(address);
            }

            json.WriteEndArray();
            json.WriteStartArray("ports");
            foreach (var port in service.Ports)
            {
                json.WriteStartObject();
                json.WriteString("name", port.Name);
                json.WriteNumber("port", port.Number);
                json.WriteString("protocol", port.Protocol.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static void Endpoints(DiscoveryServer server, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var service in server.Current?.Services.All ?? [])
        {
            json.WriteStartObject();
            json.WriteString("svc", service.Hostname);
            json.WriteStartArray("ep");
            foreach (var endpoint in server.Current!.Endpoints.Of(service.Hostname).All)
            {
                json.WriteStartObject();
                json.WriteString("address", endpoint.FirstAddress);
                json.WriteNumber("port", endpoint.Port);
                json.WriteString("portName", endpoint.ServicePortName);
                json.WriteString("health", endpoint.Health.ToString());
                json.WriteString("workload", endpoint.WorkloadName);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
