using System.Text.Json.Nodes;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Turns a Kubernetes Pod into a workload.</summary>
internal static class KubernetesPod
{
    public static Workload Read(ObjectMeta meta, JsonObject root)
    {
        var spec = root.Object("spec");
        var status = root.Object("status");
        var phase = status.Text("phase");
        return new Workload
        {
            Name = meta.Name,
            Namespace = meta.Namespace,
            Addresses = ReadAddresses(status),
            Labels = meta.Labels,
            ServiceAccount = ReadServiceAccount(spec),
            NodeName = spec.Text("nodeName"),
            HostName = spec.Text("hostname"),
            SubDomain = spec.Text("subdomain"),
            WorkloadName = ReadWorkloadName(meta, root.Object("metadata")),
            ContainerPorts = ReadContainerPorts(spec),
            Ready = IsReady(status),
            Terminating = root.Object("metadata").Text("deletionTimestamp").Length > 0,
            Finished = phase is "Succeeded" or "Failed",
            HostNetwork = spec.Flag("hostNetwork"),
        };
    }

    private static string ReadServiceAccount(JsonObject? spec)
    {
        var account = spec.Text("serviceAccountName");
        return account.Length > 0 ? account : "default";
    }

    private static List<string> ReadAddresses(JsonObject? status)
    {
        var addresses = new List<string>();
        foreach (var item in status.Array("podIPs") ?? [])
        {
            addresses.Add(item.Text("ip"));
        }

        var first = status.Text("podIP");
        if (first.Length > 0 && !addresses.Contains(first))
        {
            addresses.Insert(0, first);
        }

        return addresses;
    }

    private static bool IsReady(JsonObject? status)
    {
        foreach (var condition in status.Array("conditions") ?? [])
        {
            if (condition.Text("type") == "Ready")
            {
                return condition.Text("status") is "True" or "true";
            }
        }

        return false;
    }

    private static Dictionary<string, int> ReadContainerPorts(JsonObject? spec)
    {
        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers"])
        {
            foreach (var container in spec.Array(list) ?? [])
            {
                // Init containers serve only when they are native sidecars.
                if (list == "initContainers" && container.Text("restartPolicy") != "Always")
                {
                    continue;
                }

                foreach (var port in container.Array("ports") ?? [])
                {
                    var name = port.Text("name");
                    if (name.Length > 0)
                    {
                        ports.TryAdd(name, port.Number("containerPort"));
                    }
                }
            }
        }

        return ports;
    }

    // The name people know a replica by: its Deployment, not the ReplicaSet between them.
    private static string ReadWorkloadName(ObjectMeta meta, JsonObject? metadata)
    {
        foreach (var owner in metadata.Array("ownerReferences") ?? [])
        {
            if (!owner.Flag("controller"))
            {
                continue;
            }

            var name = owner.Text("name");
            if (owner.Text("kind") == "ReplicaSet"
                && meta.Labels.TryGetValue("pod-template-hash", out var hash)
                && name.EndsWith("-" + hash, StringComparison.Ordinal))
            {
                return name[..^(hash.Length + 1)];
            }

            return name;
        }

        return meta.Name;
    }
}
