namespace Pilotfish.Language.GoTemplates;

/// <summary>What one rendering may use. Templates come from cluster configuration, so a bad one must end with an error
/// and never with a stuck or swollen control plane.</summary>
public sealed record TemplateLimits
{
    /// <summary>Characters of output. An injected pod is about 8,000; the API server refuses objects above 1.5 MiB.</summary>
    public int OutputMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Nested template calls. Each costs a few stack frames; hand-written templates nest fewer than ten.</summary>
    public int DepthMax { get; init; } = 100;

    /// <summary>Evaluated nodes. Istio's sidecar template needs about 2,000.</summary>
    public int StepsMax { get; init; } = 2_000_000;

    public static TemplateLimits Default { get; } = new();
}
