namespace Pilotfish.Proxy.Streams;

/// <summary>How long an object in <see cref="FilterState"/> lives.</summary>
public enum FilterStateLifeSpan : byte
{
    Request,
    Connection,
}
