using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Config;

/// <summary>Which mesh configuration holds: the file's, else that of the ConfigMap `istio` in the system namespace, else the defaults.</summary>
public static class MeshSettings
{
    /// <summary>Where the object made from the mesh configuration file is kept.</summary>
    public static readonly ConfigKey FileKey = new(ConfigKind.MeshConfig, "", "file");

    private static readonly ConfigKey s_configMapKey =
        new(ConfigKind.ConfigMap, MeshDefaults.RootNamespace, ObjectReader.MeshConfigMap);

    public static MeshConfig Of(ConfigSnapshot snapshot)
    {
        if (snapshot.Find(FileKey)?.Body is MeshConfig fromFile)
        {
            return fromFile;
        }

        return snapshot.Find(s_configMapKey)?.Body is ConfigMapContent { Mesh: { } mesh } ? mesh : MeshDefaults.Create();
    }

    public static bool IsMesh(ConfigKey key) => key == FileKey || key == s_configMapKey;
}
