using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads a volume of a pod; kinds that need a cluster's storage are refused.</summary>
internal static class VolumeReader
{
    private const int DefaultTokenSeconds = 3600;

    public static VolumeSpec Read(YamlMapping volume)
    {
        var spec = new VolumeSpec(volume.Demand("name", "The volume"), [], volume.Position);
        if (spec.Name.Contains('/', StringComparison.Ordinal) || spec.Name is "." or "..")
        {
            throw new ManifestException(volume.Position, $"The volume's name '{spec.Name}' is not a name.");
        }

        if (volume.MappingOf("configMap") is { } configMap)
        {
            return spec with { Sources = [ReadKeys(configMap, "name", false)], FileMode = ReadMode(configMap) };
        }

        if (volume.MappingOf("secret") is { } secret)
        {
            return spec with { Sources = [ReadKeys(secret, "secretName", true)], FileMode = ReadMode(secret) };
        }

        if (volume.MappingOf("downwardAPI") is { } downward)
        {
            return spec with { Sources = [.. ReadDownward(downward)], FileMode = ReadMode(downward) };
        }

        if (volume.MappingOf("projected") is { } projected)
        {
            return spec with { Sources = [.. projected.MappingsOf("sources").SelectMany(ReadProjected)], FileMode = ReadMode(projected) };
        }

        if (volume.MappingOf("hostPath") is { } host)
        {
            return spec with { HostPath = host.Demand("path", "The hostPath") };
        }

        string[] unknown = [.. volume.Entries.Select(e => e.Key).Where(k => k is not ("name" or "emptyDir"))];
        return unknown.Length == 0
            ? spec
            : throw new ManifestException(
                volume.Position,
                $"Volume '{spec.Name}' is of kind '{unknown[0]}', which one machine has not; use emptyDir, configMap, secret, "
                + "downwardAPI, projected or hostPath.");
    }

    public static ResourceReference? ReadResource(YamlMapping? source) => source is null
        ? null
        : new ResourceReference(
            source.TextOf("containerName"), source.Demand("resource", "The resourceFieldRef"), source.TextOf("divisor") ?? "1");

    private static IEnumerable<VolumeSource> ReadProjected(YamlMapping source)
    {
        if (source.MappingOf("configMap") is { } configMap)
        {
            return [ReadKeys(configMap, "name", false)];
        }

        if (source.MappingOf("secret") is { } secret)
        {
            return [ReadKeys(secret, "name", true)];
        }

        if (source.MappingOf("downwardAPI") is { } downward)
        {
            return ReadDownward(downward);
        }

        if (source.MappingOf("serviceAccountToken") is { } token)
        {
            return
            [
                new VolumeSource.Token(
                    CheckPath(token, token.Demand("path", "The token")),
                    token.TextOf("audience") ?? string.Empty,
                    TimeSpan.FromSeconds(token.NumberOf("expirationSeconds", DefaultTokenSeconds, 1))),
            ];
        }

        throw new ManifestException(source.Position, "A projected source must be configMap, secret, downwardAPI or serviceAccountToken.");
    }

    private static VolumeSource.Keys ReadKeys(YamlMapping source, string nameField, bool isSecret)
    {
        var items = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (YamlMapping item in source.MappingsOf("items"))
        {
            items[item.Demand("key", "The item")] = CheckPath(item, item.Demand("path", "The item"));
        }

        return new VolumeSource.Keys(source.Demand(nameField, "The volume's source"), isSecret, source.FlagOf("optional"), items);
    }

    private static IEnumerable<VolumeSource> ReadDownward(YamlMapping source) =>
        source.MappingsOf("items").Select(item => new VolumeSource.Downward(
            CheckPath(item, item.Demand("path", "The item")),
            item.MappingOf("fieldRef")?.Demand("fieldPath", "The fieldRef"),
            ReadResource(item.MappingOf("resourceFieldRef"))));

    private static string CheckPath(YamlMapping at, string path) =>
        path.StartsWith('/') || path.Split('/').Contains("..")
            ? throw new ManifestException(at.Position, $"The path '{path}' must stay within the volume.")
            : path;

    private static int ReadMode(YamlMapping source)
    {
        const string defaultMode = "420";
        string text = source.TextOf("defaultMode") ?? defaultMode;

        // Decimal in JSON and plain YAML 1.2; a leading zero is the octal that everybody writes.
        int mode = text.StartsWith("0o", StringComparison.Ordinal) ? Convert.ToInt32(text[2..], 8)
            : text.StartsWith('0') && text.Length > 1 ? Convert.ToInt32(text, 8)
            : int.Parse(text, CultureInfoInvariant);
        return mode is >= 0 and <= 511
            ? mode
            : throw new ManifestException(source.Position, $"'defaultMode' {text} must be from 0 to 0777.");
    }

    private static IFormatProvider CultureInfoInvariant => System.Globalization.CultureInfo.InvariantCulture;
}
