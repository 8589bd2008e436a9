namespace Pilotfish.Runtime.Sockets;

/// <summary>What a <see cref="SocketStream"/> knows of its socket.</summary>
[Flags]
internal enum SocketStreamFlags : ushort
{
    None = 0,

    /// <summary>A receive is worth trying.</summary>
    Readable = 1,

    /// <summary>The kernel reported the peer's end; a short receive proves nothing any more.</summary>
    PeerEnded = 2,

    /// <summary>The kernel reported an error.</summary>
    PeerReset = 4,

    /// <summary>A receive has returned the end or the error, or the observer was told.</summary>
    EndTold = 8,

    /// <summary>A peek saw everything that is there; only a new event makes waiting worth ending.</summary>
    PeekedAll = 16,
    Connecting = 32,
    SendShut = 64,
    Closed = 128,
    Unix = 256,

    /// <summary>The turn's share is used up: the pending receive goes on in the next turn, whatever the kernel reports until then.</summary>
    ReceiveDeferred = 512,
}
