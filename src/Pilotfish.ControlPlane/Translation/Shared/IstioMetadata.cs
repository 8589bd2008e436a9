using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>The `istio` block of metadata: which object made a resource, and which services it serves.</summary>
internal static class IstioMetadata
{
    public static Metadata ForConfig(ObjectMeta meta)
    {
        var metadata = new Metadata();
        SetConfig(metadata, meta);
        return metadata;
    }

    /// <summary>Records the API path of the object that a resource was made from.</summary>
    public static void SetConfig(Metadata metadata, ObjectMeta meta)
    {
        var kind = Kebab(meta.Kind);
        Set(metadata, "config", Value.ForString($"/apis/{StoredVersion(meta.ApiVersion)}/namespaces/{meta.Namespace}/{kind}/{meta.Name}"));
    }

    public static void SetServices(Metadata metadata, IEnumerable<MeshService> services) =>
        Set(metadata, "services", Value.ForList([.. services.Select(static service => Messages.Object(
            ("host", Value.ForString(service.Hostname)),
            ("name", Value.ForString(service.Name)),
            ("namespace", Value.ForString(service.Namespace))))]));

    public static void Set(Metadata metadata, string key, Value value)
    {
        if (!metadata.FilterMetadata.TryGetValue(ExtensionNames.IstioMetadata, out var block))
        {
            metadata.FilterMetadata[ExtensionNames.IstioMetadata] = block = new Struct();
        }

        block.Fields[key] = value;
    }

    // The networking group is read at one version whichever a manifest names, and that version shows here.
    private static string StoredVersion(string apiVersion)
    {
        const string NetworkingGroup = "networking.istio.io/";
        return apiVersion.StartsWith(NetworkingGroup, StringComparison.Ordinal) ? NetworkingGroup + "v1" : apiVersion;
    }

    private static string Kebab(string kind)
    {
        var text = new System.Text.StringBuilder(kind.Length + 4);
        for (var i = 0; i < kind.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(kind[i]))
            {
                text.Append('-');
            }

            text.Append(char.ToLowerInvariant(kind[i]));
        }

        return text.ToString();
    }
}
