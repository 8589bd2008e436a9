using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Mesh;

/// <summary>What one manifest wants to run: so many pods of one template. <see cref="Hash"/> tells templates apart.</summary>
internal sealed record DesiredWorkload(string Kind, ObjectName Name, int Replicas, YamlMapping Template, string Hash)
{
    public string Key => $"{Kind}/{Name}";

    /// <summary>Pods whose name is theirs alone: two of one name cannot run beside each other.</summary>
    public bool HasFixedNames => Kind is "Pod" or "StatefulSet";
}
