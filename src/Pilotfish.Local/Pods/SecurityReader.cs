using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads securityContext: the container's field wins over the pod's.</summary>
internal static class SecurityReader
{
    public static ContainerSecurity Read(YamlMapping? container, YamlMapping? pod)
    {
        int uid = container?.OptionalNumberOf("runAsUser") ?? pod?.OptionalNumberOf("runAsUser") ?? 0;
        var groups = new List<int>();
        if (pod?.OptionalNumberOf("fsGroup") is int fsGroup)
        {
            groups.Add(fsGroup);
        }

        groups.AddRange((pod?.TextsOf("supplementalGroups") ?? []).Select(text => int.TryParse(text, out int group)
            ? group
            : throw new ManifestException(pod!.Position, $"supplementalGroups: '{text}' is not a group id.")));
        bool privileged = container?.FlagOf("privileged") ?? false;
        YamlMapping? capabilities = container?.MappingOf("capabilities");
        return new ContainerSecurity
        {
            Uid = uid,

            // A user's own group, where the manifest names none: what images usually do for their users.
            Gid = container?.OptionalNumberOf("runAsGroup") ?? pod?.OptionalNumberOf("runAsGroup") ?? uid,
            ExtraGroups = groups,
            IsRootReadOnly = container?.FlagOf("readOnlyRootFilesystem") ?? false,
            IsPrivileged = privileged,
            MayGainPrivileges = container?.FlagOf("allowPrivilegeEscalation", otherwise: true) ?? true,
            CapabilitiesAdded = capabilities?.TextsOf("add") ?? [],
            CapabilitiesDropped = capabilities?.TextsOf("drop") ?? [],
        };
    }
}
