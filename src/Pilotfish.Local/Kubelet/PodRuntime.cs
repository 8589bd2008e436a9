using System.Net;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;

namespace Pilotfish.Local.Kubelet;

/// <summary>A pod's sandbox with all that its containers need to start in it.</summary>
internal sealed class PodRuntime(
    NodeContext node, PodSpec pod, Sandbox sandbox, IPAddress address, string folder, ManifestSet manifests)
{
    private readonly PodFields _fields = new(pod, [address.ToString()], NodeContext.NodeName, Network.AddressPlan.Node.ToString());
    private readonly PodVolumes _volumes = new(pod, folder, node.Tokens);
    private readonly Prober _prober = new(node.Sockets, address);
    private readonly IReadOnlyList<string> _machineMounts = MachineMounts.Read();
    private IReadOnlyDictionary<string, string> _files = new Dictionary<string, string>();
    private int _starts;

    public Prober Prober => _prober;

    public PodSpec Pod => pod;

    public static string SetUpScript(string folder, PodSpec pod) => $"""
        mkdir -p {Shell.Quote(folder)}/fs
        mount -t tmpfs -o mode=755 pilotfish {Shell.Quote(folder)}/fs
        printf %s {Shell.Quote(pod.Hostname)} >/proc/sys/kernel/hostname
        echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
        """;

    public async Task PrepareAsync()
    {
        Directory.CreateDirectory(Path.Combine(folder, "logs"));
        _files = PodFiles.Write(pod, folder, address);
        await _volumes.WriteAsync(manifests, _fields);
    }

    public string ExecFile(ContainerSpec container) => Path.Combine(folder, container.Name + ".exec");

    public string Explain(ContainerSpec container, int exitCode) => MissingProgram.Explain(container, exitCode, node.ManifestFolder);

    public async Task<ContainerProcess> StartAsync(ContainerSpec container)
    {
        var environment = new EnvironmentBuilder(manifests, pod, _fields).Build(container, node.Executables.Environment);
        var launch = new ContainerLaunch
        {
            Name = container.Name,
            RootFolder = Path.Combine(folder, "fs", $"{container.Name}-{Interlocked.Increment(ref _starts)}"),
            LogFile = State.MeshFolders.ContainerLog(folder, container.Name),
            Command = [.. container.Command.Select(word => EnvironmentBuilder.Expand(word, environment))],
            WorkingDirectory = container.WorkingDirectory ?? (ContainerReader.IsOwnImage(container.Image) ? "/" : "/mesh"),
            Environment = environment,
            Security = container.Security,
            Mounts = [.. Mounts(container)],
            Files = _files,
            Links = node.Executables.Links,
            MachineMounts = _machineMounts,
        };
        ContainerProcess process = await ContainerProcess.StartAsync(sandbox, launch, Path.Combine(folder, container.Name + ".sh"));
        await File.WriteAllTextAsync(ExecFile(container), string.Join('\0', process.ExecWords([])));
        return process;
    }

    private IEnumerable<BindMount> Mounts(ContainerSpec container)
    {
        yield return new BindMount(node.ManifestFolder, "/mesh", IsReadOnly: true);
        foreach ((string source, string target) in node.Executables.Mounts)
        {
            yield return new BindMount(source, target, IsReadOnly: true);
        }

        foreach (VolumeMount mount in container.Mounts)
        {
            VolumeSpec volume = pod.Volumes.First(v => v.Name == mount.Volume);
            string source = Path.Combine(_volumes.PathOf(volume), mount.SubPath);
            if (mount.SubPath.Length > 0 && !Path.Exists(source))
            {
                Directory.CreateDirectory(source);
            }

            yield return new BindMount(source, mount.Path, mount.IsReadOnly || volume.Sources.Count > 0);
        }
    }
}
