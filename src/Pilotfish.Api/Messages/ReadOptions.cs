namespace Pilotfish.Api.Messages;

/// <summary>How strictly a node becomes a message.</summary>
public sealed record ReadOptions
{
    /// <summary>Envoy's own reading of bootstraps and resources.</summary>
    public static ReadOptions Envoy { get; } = new();

    /// <summary>Istio's reading of its objects and of mesh config: durations as Go writes them, such as 1h30m.</summary>
    public static ReadOptions Istio { get; } = new() { AllowGoDurations = true };

    public UnknownFields UnknownFields { get; init; }

    public bool AllowGoDurations { get; init; }

    /// <summary>The types that an <c>Any</c> may name.</summary>
    public MessageTypes? Types { get; init; }
}
