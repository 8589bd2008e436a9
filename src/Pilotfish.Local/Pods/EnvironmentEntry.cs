using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Pods;

/// <summary>One variable, or with `envFrom` a whole ConfigMap or Secret. Exactly one source is set.</summary>
internal sealed record EnvironmentEntry(string Name, SourcePosition Position)
{
    public string? Value { get; init; }

    public string? FieldPath { get; init; }

    public ResourceReference? Resource { get; init; }

    public KeyReference? ConfigMapKey { get; init; }

    public KeyReference? SecretKey { get; init; }

    public KeyReference? AllOfConfigMap { get; init; }

    public KeyReference? AllOfSecret { get; init; }
}
