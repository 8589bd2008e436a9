using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads a Pod object into a <see cref="PodSpec"/>; what cannot run here is refused with file:line:col.</summary>
internal static class PodSpecReader
{
    private const int DefaultGraceSeconds = 30;

    public static PodSpec Read(YamlMapping pod, string uid)
    {
        YamlMapping metadata = pod.MappingOf("metadata") ?? throw new ManifestException(pod.Position, "The Pod has no 'metadata'.");
        YamlMapping spec = pod.MappingOf("spec") ?? throw new ManifestException(pod.Position, "The Pod has no 'spec'.");
        string name = metadata.Demand("name", "The Pod's metadata");
        var annotations = metadata.TextMapOf("annotations");
        var containers = new ContainerReader(spec.MappingOf("securityContext"), annotations);
        ContainerSpec[] main = [.. spec.MappingsOf("containers").Select(c => containers.Read(c, isInit: false))];
        if (main.Length == 0)
        {
            throw new ManifestException(spec.Position, $"Pod '{name}' has no containers.");
        }

        ContainerSpec[] init = [.. spec.MappingsOf("initContainers").Select(c => containers.Read(c, isInit: true))];
        var read = new PodSpec
        {
            Name = new ObjectName(metadata.TextOf("namespace") ?? ObjectName.DefaultNamespace, name),
            Uid = uid,
            Labels = metadata.TextMapOf("labels"),
            Annotations = annotations,
            ServiceAccount = spec.TextOf("serviceAccountName") ?? "default",
            Hostname = spec.TextOf("hostname") ?? name,
            Subdomain = spec.TextOf("subdomain") ?? string.Empty,
            GracePeriod = TimeSpan.FromSeconds(spec.NumberOf("terminationGracePeriodSeconds", DefaultGraceSeconds)),
            RestartPolicy = spec.TextOf("restartPolicy") ?? "Always",
            InitContainers = init,
            Containers = main,
            Volumes = [.. spec.MappingsOf("volumes").Select(VolumeReader.Read)],
            HostAliases = [.. spec.MappingsOf("hostAliases").SelectMany(a =>
                a.TextsOf("hostnames").Select(h => new KeyValuePair<string, string>(a.Demand("ip", "The host alias"), h)))],
            VolumeGroup = spec.MappingOf("securityContext")?.OptionalNumberOf("fsGroup"),
        };
        CheckNames(read);
        return read;
    }

    private static void CheckNames(PodSpec pod)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (ContainerSpec container in pod.AllContainers)
        {
            if (!names.Add(container.Name))
            {
                throw new ManifestException(container.Position, $"Pod '{pod.Name}' has two containers named '{container.Name}'.");
            }

            VolumeMount? lost = container.Mounts.FirstOrDefault(m => pod.Volumes.All(v => v.Name != m.Volume));
            if (lost is not null)
            {
                throw new ManifestException(
                    container.Position, $"Container '{container.Name}' mounts volume '{lost.Volume}', which pod '{pod.Name}' has not.");
            }
        }
    }
}
