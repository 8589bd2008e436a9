namespace Pilotfish.Proxy.Http1;

/// <summary>Outcome of one step of a body decoder.</summary>
public enum DecodeStatus : byte
{
    /// <summary>Needs bytes that have not arrived.</summary>
    NeedMore,

    /// <summary>Produced body bytes; call again.</summary>
    Data,

    /// <summary>The message is complete (trailers, if any, are in the map).</summary>
    End,

    Invalid,
}
