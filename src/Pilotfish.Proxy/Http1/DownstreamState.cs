namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Where a client's connection is.
/// <code>
///   Head --head parsed--> Body --last byte--> Responding --response sent--> Head
///                                   Responding --101/CONNECT--> Tunnel
///   any --last response of the connection sent, or bytes we cannot trust--> Discarding --peer closed or timer--> Closed
/// </code>
/// </summary>
internal enum DownstreamState : byte
{
    Head,
    Body,

    /// <summary>The request is in; what comes now belongs to the next one, or to the upgraded protocol.</summary>
    Responding,
    Tunnel,
    Discarding,
    Closed,
}
