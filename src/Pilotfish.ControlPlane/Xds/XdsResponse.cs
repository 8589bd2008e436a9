namespace Pilotfish.ControlPlane.Xds;

/// <summary>A response before it takes the form of either variant.</summary>
internal sealed record XdsResponse(
    string TypeUrl, string Version, string Nonce, IReadOnlyList<GeneratedResource> Resources, IReadOnlyList<string> Removed);
