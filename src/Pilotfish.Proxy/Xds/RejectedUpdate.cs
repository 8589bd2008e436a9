namespace Pilotfish.Proxy.Xds;

/// <summary>The newest version of a resource that was refused, for /config_dump's error_state.</summary>
internal sealed record RejectedUpdate(string Reason, string Version, DateTimeOffset When);
