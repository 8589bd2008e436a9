namespace Pilotfish.Proxy.Streams;

/// <summary>Whether an object also goes to the upstream connection, and from there on (HBONE, internal listeners).</summary>
public enum FilterStateSharing : byte
{
    None,
    Once,
    Transitive,
}
