using System.Text;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads the keys of ConfigMaps and Secrets as bytes.</summary>
internal static class ObjectKeys
{
    /// <summary>Null when there is no such object.</summary>
    public static IReadOnlyDictionary<string, byte[]>? Of(ManifestSet manifests, ObjectName name, bool isSecret)
    {
        ManifestObject? found = manifests.Find(isSecret ? "Secret" : "ConfigMap", name);
        if (found is null)
        {
            return null;
        }

        var keys = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach ((string key, string text) in found.Root.TextMapOf("data"))
        {
            keys[key] = isSecret ? Decode(found, key, text) : Encoding.UTF8.GetBytes(text);
        }

        foreach ((string key, string text) in found.Root.TextMapOf(isSecret ? "stringData" : "binaryData"))
        {
            keys[key] = isSecret ? Encoding.UTF8.GetBytes(text) : Decode(found, key, text);
        }

        return keys;
    }

    private static byte[] Decode(ManifestObject source, string key, string text)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw new ManifestException(source.Root.Position, $"{source.Kind} '{source.Name}': the value of '{key}' is not base64.");
        }
    }
}
