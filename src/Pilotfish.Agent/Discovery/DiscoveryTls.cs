namespace Pilotfish.Agent.Discovery;

/// <summary>What one attempt trusts and shows, as it stands in its files now.</summary>
/// <param name="Roots">PEM; null for the machine's own.</param>
/// <param name="Certificate">PEM of the client's certificate and key; null when a token alone tells who it is.</param>
internal sealed record DiscoveryTls(byte[]? Roots, (byte[] Chain, byte[] Key)? Certificate);
