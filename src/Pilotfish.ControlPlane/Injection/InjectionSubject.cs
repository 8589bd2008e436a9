using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>A pod to inject and what is known about it from outside.</summary>
internal sealed record InjectionSubject
{
    /// <summary>A mapping with `metadata` and `spec`.</summary>
    public required YamlMapping Pod { get; init; }

    public required WorkloadOwner Owner { get; init; }

    /// <summary>Annotations of the pod's namespace, where the cluster is OpenShift: they hold the ids it may use.</summary>
    public YamlMapping? NamespaceAnnotations { get; init; }

    /// <summary>Environment that the sidecar gets from the path of the webhook's URL.</summary>
    public IReadOnlyDictionary<string, string> ProxyEnvironment { get; init; } = new Dictionary<string, string>();
}
