namespace Pilotfish.Proxy.Health;

/// <summary>What one check changed about its host.</summary>
internal enum HealthChange : byte
{
    None,

    /// <summary>A run towards a threshold goes on: the edge intervals apply.</summary>
    Pending,

    Changed,
}
