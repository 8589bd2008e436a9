using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Settings of the control plane itself that shape what it generates.</summary>
public sealed record PushContextOptions
{
    public const string DefaultClusterId = "Kubernetes";

    public string DomainSuffix { get; init; } = HostNames.DefaultDomainSuffix;

    public string ClusterId { get; init; } = DefaultClusterId;

    public bool IdentityEnabled { get; init; }

    public ControlPlaneFeatures Features { get; init; } = ControlPlaneFeatures.Default;
}
