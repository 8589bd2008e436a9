using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Network;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// Tells the control plane what runs: one file per Pod and Service, as Kubernetes' API would show them, each replaced
/// atomically and only when it differs.
/// </summary>
internal sealed class StateWriter(string folder)
{
    private readonly Dictionary<string, byte[]> _written = new(StringComparer.Ordinal);

    public void Write(IEnumerable<PodWorker> pods, IEnumerable<LocalService> services)
    {
        var wanted = new Dictionary<string, YamlMapping>(StringComparer.Ordinal);
        foreach (PodWorker pod in pods)
        {
            wanted[$"pod_{pod.Pod.Name.Namespace}_{pod.Pod.Name.Name}.yaml"] = PodObject(pod);
        }

        foreach (LocalService service in services)
        {
            wanted[$"service_{service.Name.Namespace}_{service.Name.Name}.yaml"] = ServiceObject(service);
        }

        foreach ((string name, YamlMapping node) in wanted)
        {
            byte[] bytes = JsonText.Write(node);
            if (_written.TryGetValue(name, out byte[]? old) && old.AsSpan().SequenceEqual(bytes))
            {
                continue;
            }

            string path = Path.Combine(folder, name);
            File.WriteAllBytes(Path.Combine(folder, "." + name), bytes);
            File.Move(Path.Combine(folder, "." + name), path, overwrite: true);
            _written[name] = bytes;
        }

        foreach (string gone in _written.Keys.Except(wanted.Keys).ToArray())
        {
            File.Delete(Path.Combine(folder, gone));
            _written.Remove(gone);
        }
    }

    private static YamlMapping PodObject(PodWorker pod)
    {
        var root = (YamlMapping)pod.Manifest.Clone();
        ((YamlMapping)root["metadata"]!).Set("uid", pod.Pod.Uid);
        ((YamlMapping)root["spec"]!).Set("nodeName", NodeContext.NodeName);
        var address = new YamlMapping();
        address.Set("ip", pod.Address.ToString());
        var ready = new YamlMapping();
        ready.Set("type", "Ready");
        ready.Set("status", pod.IsReady ? "True" : "False");
        var status = new YamlMapping();
        status.Set("phase", pod.Phase == PodPhase.Terminating ? "Running" : pod.Phase.ToString());
        status.Set("podIP", pod.Address.ToString());
        status.Set("hostIP", AddressPlan.Node.ToString());
        status.Set("startTime", pod.StartTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        status["podIPs"] = new YamlSequence([address]);
        status["conditions"] = new YamlSequence([ready]);
        root["status"] = status;
        return root;
    }

    private static YamlMapping ServiceObject(LocalService service)
    {
        var root = (YamlMapping)service.Source.Root.Clone();
        YamlMapping metadata = root.MappingOf("metadata")!;
        metadata.Set("namespace", service.Name.Namespace);
        if (service.Address is { } address && root.MappingOf("spec") is { } spec)
        {
            spec.Set("clusterIP", address.ToString());
            spec["clusterIPs"] = new YamlSequence([YamlScalar.String(address.ToString())]);
        }

        return root;
    }
}
