using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Manifests;

/// <summary>One Kubernetes or Istio object of the directory.</summary>
internal sealed record ManifestObject(string ApiVersion, string Kind, ObjectName Name, YamlMapping Root)
{
    public YamlMapping Spec => Root.MappingOf("spec") ?? new YamlMapping(Root.Position);

    public YamlMapping? Metadata => Root.MappingOf("metadata");
}
