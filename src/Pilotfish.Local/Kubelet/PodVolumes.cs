using System.Text;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;

namespace Pilotfish.Local.Kubelet;

/// <summary>Makes a pod's volumes as folders of the host, filled with what the manifests say.</summary>
internal sealed class PodVolumes(PodSpec pod, string folder, ServiceTokens tokens)
{
    /// <summary>Istio's template always mounts it; until the mesh has identities there is nothing to put in.</summary>
    private const string RootCertificateMap = "istio-ca-root-cert";

    private const UnixFileMode EverybodyMayWrite = (UnixFileMode)0x1FF;

    public string PathOf(VolumeSpec volume) => volume.HostPath ?? Path.Combine(folder, "volumes", volume.Name);

    public async Task WriteAsync(ManifestSet manifests, PodFields fields)
    {
        foreach (VolumeSpec volume in pod.Volumes.Where(v => v.HostPath is null))
        {
            string path = PathOf(volume);
            Directory.CreateDirectory(path);
            if (volume.Sources.Count == 0)
            {
                File.SetUnixFileMode(path, EverybodyMayWrite);
            }

            foreach (VolumeSource source in volume.Sources)
            {
                Write(volume, path, source, manifests, fields);
            }

            if (pod.VolumeGroup is int group)
            {
                await HostCommand.RunAsync("chgrp", ["-R", group.ToString(System.Globalization.CultureInfo.InvariantCulture), path]);
            }
        }
    }

    private void Write(VolumeSpec volume, string path, VolumeSource source, ManifestSet manifests, PodFields fields)
    {
        switch (source)
        {
            case VolumeSource.Keys keys:
                WriteKeys(volume, path, keys, manifests);
                break;
            case VolumeSource.Downward downward:
                string text = downward.FieldPath is null
                    ? fields.Resource(downward.Resource!, pod.Containers[0])
                    : fields.Field(downward.FieldPath)
                        ?? throw new ManifestException(volume.Position, $"Volume '{volume.Name}': there is no field '{downward.FieldPath}'.");
                WriteFile(volume, Path.Combine(path, downward.Path), Encoding.UTF8.GetBytes(text));
                break;
            case VolumeSource.Token token:
                string jwt = tokens.Issue(pod, token.Audience, token.Lifetime, DateTimeOffset.UtcNow);
                WriteFile(volume, Path.Combine(path, token.Path), Encoding.ASCII.GetBytes(jwt));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(source), source, "A volume source without a writer.");
        }
    }

    private void WriteKeys(VolumeSpec volume, string path, VolumeSource.Keys source, ManifestSet manifests)
    {
        IReadOnlyDictionary<string, byte[]>? keys =
            ObjectKeys.Of(manifests, new ObjectName(pod.Name.Namespace, source.Object), source.IsSecret);
        if (keys is null)
        {
            if (source.IsOptional || source.Object == RootCertificateMap)
            {
                return;
            }

            string kind = source.IsSecret ? "Secret" : "ConfigMap";
            throw new ManifestException(
                volume.Position, $"Volume '{volume.Name}': there is no {kind} '{pod.Name.Namespace}/{source.Object}'.");
        }

        foreach ((string key, byte[] bytes) in keys)
        {
            if (source.Items.Count == 0)
            {
                WriteFile(volume, Path.Combine(path, key.Replace('/', '_')), bytes);
            }
            else if (source.Items.TryGetValue(key, out string? renamed))
            {
                WriteFile(volume, Path.Combine(path, renamed), bytes);
            }
        }
    }

    private static void WriteFile(VolumeSpec volume, string path, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        File.SetUnixFileMode(path, (UnixFileMode)volume.FileMode);
    }
}
