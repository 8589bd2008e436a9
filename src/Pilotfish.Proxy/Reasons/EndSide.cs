namespace Pilotfish.Proxy.Reasons;

/// <summary>Who caused the end.</summary>
public enum EndSide : byte
{
    Proxy,
    Downstream,
    Upstream,
}
