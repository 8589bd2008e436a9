using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Annotations of namespaces as the control plane knows them, in the form in which injection reads them.</summary>
internal static class NamespaceAnnotations
{
    /// <summary>Null where the namespace is not known.</summary>
    public static YamlMapping? Of(ConfigSnapshot snapshot, string ns)
    {
        if (snapshot.Find(new ConfigKey(ConfigKind.Namespace, "", ns)) is not { } found)
        {
            return null;
        }

        var annotations = new YamlMapping();
        foreach (var (name, value) in found.Meta.Annotations)
        {
            annotations.Set(name, value);
        }

        return annotations;
    }
}
