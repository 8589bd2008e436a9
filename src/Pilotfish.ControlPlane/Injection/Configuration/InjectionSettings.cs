using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>Everything that injection depends on beside the pod. Immutable; a change of configuration makes new settings.</summary>
public sealed record InjectionSettings
{
    public required InjectionConfig Config { get; init; }

    /// <summary>The installation's values, as the key `values` of Istio's ConfigMap has them.</summary>
    public required YamlMapping Values { get; init; }

    public required MeshSettings Mesh { get; init; }

    /// <summary>The control plane's revision; empty for the default one.</summary>
    public string Revision { get; init; } = "";

    /// <summary>Whether the sidecar is an init container that restarts, where the pod does not choose.</summary>
    public bool NativeSidecars { get; init; }

    /// <summary>The policy that cryptography must comply with, such as fips-140-3; empty for none.</summary>
    public string CompliancePolicy { get; init; } = "";
}
