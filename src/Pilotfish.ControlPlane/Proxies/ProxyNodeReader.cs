using System.Globalization;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Proxies;

/// <summary>Reads an Envoy node: the id's four parts, and metadata whose values may be strings where others are meant.</summary>
public static class ProxyNodeReader
{
    private const int IdParts = 4;

    private static readonly JsonParser s_lenient = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    /// <summary>Parses the node, or says in a sentence why it is none of ours.</summary>
    public static bool TryRead(Node node, out ProxyNode? proxy, out string error)
    {
        proxy = null;
        error = "";
        var parts = node.Id.Split('~');
        if (parts.Length != IdParts)
        {
            error = $"The node id '{node.Id}' does not have the form type~address~name.namespace~domain.";
            return false;
        }

        ProxyType type;
        switch (parts[0])
        {
            case "sidecar": type = ProxyType.Sidecar; break;
            case "router": type = ProxyType.Router; break;
            case "waypoint": type = ProxyType.Waypoint; break;
            default:
                error = $"The node type '{parts[0]}' of '{node.Id}' is not one of sidecar, router, waypoint.";
                return false;
        }

        proxy = Build(node, parts, type);
        return true;
    }

    private static ProxyNode Build(Node node, string[] idParts, ProxyType type)
    {
        var metadata = node.Metadata ?? new Struct();
        var dot = idParts[2].LastIndexOf('.');
        var ns = Text(metadata, "NAMESPACE");
        if (ns.Length == 0 && dot >= 0)
        {
            ns = idParts[2][(dot + 1)..];
        }

        var pod = Text(metadata, "NAME");
        return new ProxyNode
        {
            Id = node.Id,
            Type = type,
            Namespace = ns,
            DnsDomain = idParts[3],
            PodName = pod.Length > 0 ? pod : dot >= 0 ? idParts[2][..dot] : idParts[2],
            Addresses = ReadAddresses(metadata, idParts[1]),
            Labels = ReadLabels(metadata),
            Interception = Text(metadata, "INTERCEPTION_MODE").ToUpperInvariant() switch
            {
                "TPROXY" => InterceptionMode.Tproxy,
                "NONE" => InterceptionMode.None,
                _ => InterceptionMode.Redirect,
            },
            ClusterId = Text(metadata, "CLUSTER_ID"),
            Network = Text(metadata, "NETWORK"),
            MeshId = Text(metadata, "MESH_ID"),
            WorkloadName = Text(metadata, "WORKLOAD_NAME"),
            NodeName = Text(metadata, "NODE_NAME"),
            IstioVersion = Text(metadata, "ISTIO_VERSION"),
            Locality = ReadLocality(node.Locality),
            NamedPorts = ReadPodPorts(metadata),
            ReservedPorts = ReadReservedPorts(metadata),
            Unprivileged = Text(metadata, "UNPRIVILEGED_POD") == "true",
            Http10 = Text(metadata, "HTTP10") == "1",
            InboundExactBalance = Text(metadata, "INBOUND_LISTENER_EXACT_BALANCE") is "true" or "1",
            OutboundExactBalance = Text(metadata, "OUTBOUND_LISTENER_EXACT_BALANCE") is "true" or "1",
            IdleTimeout = GoDuration.TryParse(Text(metadata, "IDLE_TIMEOUT"), out var idle) ? idle : null,
            ProxyConfig = ReadProxyConfig(metadata),
        };
    }

    private static List<string> ReadAddresses(Struct metadata, string fromId)
    {
        var addresses = new List<string>();
        foreach (var item in Text(metadata, "INSTANCE_IPS").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            addresses.Add(item);
        }

        if (addresses.Count == 0 && fromId.Length > 0)
        {
            addresses.Add(fromId);
        }

        return addresses;
    }

    private static IReadOnlyDictionary<string, string> ReadLabels(Struct metadata)
    {
        if (!metadata.Fields.TryGetValue("LABELS", out var labels) || labels.KindCase != Value.KindOneofCase.StructValue)
        {
            return EmptyLabels.Instance;
        }

        return labels.StructValue.Fields.ToDictionary(static f => f.Key, static f => Scalar(f.Value), StringComparer.Ordinal);
    }

    private static string ReadLocality(Locality? locality)
    {
        if (locality is null || locality.Region.Length == 0)
        {
            return "";
        }

        return $"{locality.Region}/{locality.Zone}/{locality.SubZone}".TrimEnd('/');
    }

    // POD_PORTS is a list, or a string that holds that list as JSON.
    private static Dictionary<string, int> ReadPodPorts(Struct metadata)
    {
        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        if (!metadata.Fields.TryGetValue("POD_PORTS", out var value))
        {
            return ports;
        }

        if (value.KindCase == Value.KindOneofCase.StringValue && !TryParseValue(value.StringValue, out value))
        {
            return ports;
        }

        if (value.KindCase != Value.KindOneofCase.ListValue)
        {
            return ports;
        }

        foreach (var item in value.ListValue.Values)
        {
            if (item.KindCase == Value.KindOneofCase.StructValue)
            {
                var name = Text(item.StructValue, "name");
                if (name.Length > 0 && DecimalText.TryParse(Text(item.StructValue, "containerPort"), out int port))
                {
                    ports.TryAdd(name, port);
                }
            }
        }

        return ports;
    }

    private static HashSet<int> ReadReservedPorts(Struct metadata)
    {
        var ports = new HashSet<int>();
        foreach (var key in (ReadOnlySpan<string>)["ENVOY_STATUS_PORT", "ENVOY_PROMETHEUS_PORT", "ENVOY_SECURE_METRICS_PORT"])
        {
            if (DecimalText.TryParse(Text(metadata, key), out int port) && port != 0)
            {
                ports.Add(port);
            }
        }

        return ports;
    }

    private static ProxyConfig? ReadProxyConfig(Struct metadata)
    {
        if (!metadata.Fields.TryGetValue("PROXY_CONFIG", out var value) || value.KindCase != Value.KindOneofCase.StructValue)
        {
            return null;
        }

        try
        {
            return s_lenient.Parse<ProxyConfig>(JsonFormatter.Default.Format(value.StructValue));
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException or InvalidOperationException)
        {
            // A newer or broken agent must not lose its configuration over this field: the mesh's default applies.
            return null;
        }
    }

    private static bool TryParseValue(string json, out Value value)
    {
        try
        {
            value = JsonParser.Default.Parse<Value>(json);
            return true;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            // Peer input: an unreadable list counts as absent.
            value = new Value();
            return false;
        }
    }

    private static string Text(Struct metadata, string key) =>
        metadata.Fields.TryGetValue(key, out var value) ? Scalar(value) : "";

    private static string Scalar(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        Value.KindOneofCase.NumberValue => value.NumberValue.ToString(CultureInfo.InvariantCulture),
        _ => "",
    };
}
