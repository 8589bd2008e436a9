using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>Names of the images that injection runs: hub/name:tag, with the variant as a suffix of the tag.</summary>
internal static class ProxyImages
{
    private const string DefaultName = "proxyv2";
    private const string DefaultVariant = "default";
    private static readonly string[] s_variantSuffixes = ["-distroless", "-debug"];

    public static string Proxy(YamlMapping values, YamlMapping proxyConfig, YamlMapping pod) =>
        Name(values, values.TextAt("global", "proxy", "image"), proxyConfig.TextAt("image", "imageType"), pod);

    public static string Init(YamlMapping values, YamlMapping pod) =>
        Name(values, values.TextAt("global", "proxy_init", "image"), null, pod);

    private static string Name(YamlMapping values, string? image, string? variant, YamlMapping pod)
    {
        variant = pod.TextAt("metadata", "annotations", InjectionKeys.ImageType)
            ?? (string.IsNullOrEmpty(variant) ? values.TextAt("global", "variant") : variant)
            ?? "";
        var name = string.IsNullOrEmpty(image) ? DefaultName : image;
        return $"{values.TextAt("global", "hub")}/{name}:{Tag(values.TextAt("global", "tag") ?? "", variant)}";
    }

    /// <summary>The tag with its variant replaced.</summary>
    private static string Tag(string tag, string variant)
    {
        if (variant.Length == 0)
        {
            return tag;
        }

        var suffix = s_variantSuffixes.FirstOrDefault(suffix => tag.EndsWith(suffix, StringComparison.Ordinal)) ?? "";
        var plain = tag[..^suffix.Length];
        return variant == DefaultVariant ? plain : $"{plain}-{variant}";
    }
}
