namespace Pilotfish.Proxy.Health;

/// <summary>What a check speaks.</summary>
public enum HealthCheckKind : byte
{
    Http,
    Tcp,
}
