namespace Pilotfish.Capture.Cni.Pods;

/// <summary>What the decision about a pod needs of it, containers and init containers together.</summary>
internal sealed record PodFacts
{
    public const string ProxyContainer = "istio-proxy";
    public const string InitContainer = "istio-init";

    public IReadOnlySet<string> Containers { get; init; } = new HashSet<string>();

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>The word after `proxy` in istio-proxy's arguments; empty when it is called otherwise.</summary>
    public string ProxyType { get; init; } = string.Empty;

    public IReadOnlyDictionary<string, string> ProxyEnvironment { get; init; } = new Dictionary<string, string>();

    public long? ProxyUser { get; init; }

    public long? ProxyGroup { get; init; }
}
