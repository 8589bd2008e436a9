using Envoy.Config.Core.V3;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>A request of either variant, reduced to what both mean.</summary>
internal sealed record XdsRequest
{
    public required string TypeUrl { get; init; }

    public Node? Node { get; init; }

    public string ResponseNonce { get; init; } = "";

    /// <summary>The client's reason for rejecting the response with that nonce, or null.</summary>
    public string? Error { get; init; }

    public IReadOnlyList<string> Subscribe { get; init; } = [];

    public IReadOnlyList<string> Unsubscribe { get; init; } = [];

    /// <summary>State-of-the-world: <see cref="Subscribe"/> is the whole set of names, not what is added.</summary>
    public bool NamesAreWhole { get; init; }

    /// <summary>What a reconnecting client still holds, by name and version.</summary>
    public IReadOnlyDictionary<string, string> HeldVersions { get; init; } = new Dictionary<string, string>();
}
