using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>Everything that injection depends on beside the pod. Immutable; a change of configuration makes new settings.</summary>
public sealed record InjectionSettings
{
    public required InjectionConfig Config { get; init; }

    /// <summary>The installation's values, as the key `values` of Istio's ConfigMap has them.</summary>
    public required YamlMapping Values { get; init; }

    public required InjectionMesh Mesh { get; init; }

    /// <summary>The control plane's revision; empty for the default one.</summary>
    public string Revision { get; init; } = "";

    /// <summary>Whether the sidecar is an init container that restarts, where the pod does not choose.</summary>
    public bool NativeSidecars { get; init; }

    /// <summary>The policy that cryptography must comply with, such as fips-140-3; empty for none.</summary>
    public string CompliancePolicy { get; init; } = "";

    /// <summary>The settings of an installation with Istio's defaults, for who has no installation's files.</summary>
    /// <param name="assignments">As install's `--set` takes them, for instance `meshConfig.accessLogFile=/dev/stdout`.</param>
    /// <param name="meshConfig">The operator's own mesh configuration, which wins; null where there is none.</param>
    /// <exception cref="InjectionException">A setting holds something else than it must.</exception>
    public static InjectionSettings ForInstallation(IEnumerable<string> assignments, YamlMapping? meshConfig, bool nativeSidecars)
    {
        var installation = InstallationValues.Create(new YamlMapping(), assignments);
        var values = installation.Values(null, "");
        var mesh = installation.Mesh(values);
        return new InjectionSettings
        {
            Config = InjectionConfig.FromValues(values, _ => null),
            Values = values,
            Mesh = meshConfig is null ? mesh : mesh.With(meshConfig),
            NativeSidecars = nativeSidecars,
        };
    }
}
