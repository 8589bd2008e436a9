using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads envFrom and env, in this order: a variable of its own wins over one from a whole object.</summary>
internal static class EnvironmentReader
{
    public static IReadOnlyList<EnvironmentEntry> Read(YamlMapping container)
    {
        var entries = new List<EnvironmentEntry>();
        foreach (YamlMapping source in container.MappingsOf("envFrom"))
        {
            string prefix = source.TextOf("prefix") ?? string.Empty;
            entries.Add(new EnvironmentEntry(prefix, source.Position)
            {
                AllOfConfigMap = ReadReference(source.MappingOf("configMapRef"), prefix),
                AllOfSecret = ReadReference(source.MappingOf("secretRef"), prefix),
            });
        }

        entries.AddRange(container.MappingsOf("env").Select(ReadVariable));
        return entries;
    }

    private static EnvironmentEntry ReadVariable(YamlMapping variable)
    {
        var entry = new EnvironmentEntry(variable.Demand("name", "The environment variable"), variable.Position);
        YamlMapping? from = variable.MappingOf("valueFrom");
        if (from is null)
        {
            return entry with { Value = variable.TextOf("value") ?? string.Empty };
        }

        entry = entry with
        {
            FieldPath = from.MappingOf("fieldRef")?.Demand("fieldPath", "The fieldRef"),
            Resource = VolumeReader.ReadResource(from.MappingOf("resourceFieldRef")),
            ConfigMapKey = ReadKey(from.MappingOf("configMapKeyRef")),
            SecretKey = ReadKey(from.MappingOf("secretKeyRef")),
        };
        return entry is { FieldPath: null, Resource: null, ConfigMapKey: null, SecretKey: null }
            ? throw new ManifestException(
                from.Position, $"'valueFrom' of '{entry.Name}' must be fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef.")
            : entry;
    }

    private static KeyReference? ReadReference(YamlMapping? source, string prefix) =>
        source is null ? null : new KeyReference(source.Demand("name", "The reference"), prefix, source.FlagOf("optional"));

    private static KeyReference? ReadKey(YamlMapping? source) => source is null
        ? null
        : new KeyReference(source.Demand("name", "The reference"), source.Demand("key", "The reference"), source.FlagOf("optional"));
}
