namespace Pilotfish.ControlPlane.Xds;

/// <summary>A subscription's state as tools see it.</summary>
internal sealed record SubscriptionStatus(string TypeUrl, string NonceSent, string NonceAcked, string? LastError, IReadOnlyCollection<string> Resources);
