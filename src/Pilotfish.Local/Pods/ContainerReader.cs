using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads one container. Images are not run: a command must come from the manifest, from an annotation, or be ours.</summary>
internal sealed class ContainerReader(YamlMapping? podSecurity, IReadOnlyDictionary<string, string> annotations)
{
    /// <summary>Gives the command, for `sh -c`, of a container whose manifest trusts its image's own.</summary>
    public const string CommandAnnotation = "local.pilotfish.io/command.";

    /// <summary>Where every pod finds this project's executable under the name of Istio's.</summary>
    public const string AgentPath = "/usr/local/bin/pilot-agent";

    private static readonly string[] s_ownImages = ["proxyv2", "pilotfish", "pilotfish-sidecar"];

    public static bool IsOwnImage(string image)
    {
        string last = image[(image.LastIndexOf('/') + 1)..];
        return s_ownImages.Contains(last.Split('@', ':')[0]);
    }

    public ContainerSpec Read(YamlMapping container, bool isInit)
    {
        string name = container.Demand("name", "The container");
        string image = container.TextOf("image") ?? string.Empty;
        ContainerPort[] ports = [.. container.MappingsOf("ports").Select(p =>
            new ContainerPort(p.TextOf("name"), p.NumberOf("containerPort", 0, 1, 65535)))];
        YamlMapping? lifecycle = container.MappingOf("lifecycle");
        var handlers = new HandlerReader(ports);
        return new ContainerSpec
        {
            Name = name,
            Image = image,
            Position = container.Position,
            Command = ReadCommand(container, name, image),
            WorkingDirectory = container.TextOf("workingDir"),
            Environment = EnvironmentReader.Read(container),
            Ports = ports,
            Mounts = [.. container.MappingsOf("volumeMounts").Select(ReadMount)],
            Security = SecurityReader.Read(container.MappingOf("securityContext"), podSecurity),
            Limits = container.MappingOf("resources").TextMapOf("limits"),
            Requests = container.MappingOf("resources").TextMapOf("requests"),
            StartupProbe = handlers.ReadProbe(container.MappingOf("startupProbe")),
            ReadinessProbe = handlers.ReadProbe(container.MappingOf("readinessProbe")),
            LivenessProbe = handlers.ReadProbe(container.MappingOf("livenessProbe")),
            PostStart = handlers.ReadHandler(lifecycle?.MappingOf("postStart")),
            PreStop = handlers.ReadHandler(lifecycle?.MappingOf("preStop")),
            IsNativeSidecar = isInit && container.TextOf("restartPolicy") == "Always",
        };
    }

    private IReadOnlyList<string> ReadCommand(YamlMapping container, string name, string image)
    {
        IReadOnlyList<string> command = container.TextsOf("command");
        IReadOnlyList<string> args = container.TextsOf("args");
        if (command.Count > 0)
        {
            return [.. command, .. args];
        }

        if (IsOwnImage(image))
        {
            return [AgentPath, .. args];
        }

        if (annotations.TryGetValue(CommandAnnotation + name, out string? script))
        {
            return ["/bin/sh", "-c", script, name, .. args];
        }

        throw new ManifestException(
            container.Position,
            $"Container '{name}' has no 'command', and its image '{image}' is not run on this machine. Give it a command, or "
            + $"annotate the pod with '{CommandAnnotation}{name}: SHELL COMMAND'.");
    }

    private static VolumeMount ReadMount(YamlMapping mount)
    {
        string path = mount.Demand("mountPath", "The volume mount");
        string subPath = mount.TextOf("subPath") ?? string.Empty;
        bool climbs = path.Split('/').Contains("..") || subPath.Split('/').Contains("..") || subPath.StartsWith('/');
        if (climbs || path.TrimEnd('/').Length == 0)
        {
            throw new ManifestException(mount.Position, $"The mount path '{path}' or its subPath '{subPath}' must stay below the root, without '..'.");
        }

        string absolute = path.StartsWith('/') ? path : "/" + path;
        return new VolumeMount(mount.Demand("name", "The volume mount"), absolute.TrimEnd('/'), subPath, mount.FlagOf("readOnly"));
    }
}
