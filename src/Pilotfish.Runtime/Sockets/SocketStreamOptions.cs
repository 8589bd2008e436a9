namespace Pilotfish.Runtime.Sockets;

/// <summary>How a connecting socket is set up before its connect.</summary>
public sealed record SocketStreamOptions
{
    public static SocketStreamOptions Default { get; } = new();

    public bool NoDelay { get; init; } = true;

    public KeepAliveOptions? KeepAlive { get; init; }

    /// <summary>
    /// The local address to connect from. Without a port, the port is chosen at connect (IP_BIND_ADDRESS_NO_PORT), so that one
    /// source address serves more connections than it has ports, as long as destinations differ.
    /// </summary>
    public NetAddress Source { get; init; }

    /// <summary>IP_TRANSPARENT: the source may be an address that is not this host's. Needs CAP_NET_ADMIN.</summary>
    public bool Transparent { get; init; }

    /// <summary>IP_FREEBIND: the source need not exist yet.</summary>
    public bool FreeBind { get; init; }

    /// <summary>SO_MARK; 0 leaves packets unmarked. Needs CAP_NET_ADMIN.</summary>
    public int Mark { get; init; }

    /// <summary>SO_RCVBUF; 0 leaves the kernel's autotuning.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>SO_SNDBUF; 0 leaves the kernel's autotuning.</summary>
    public int SendBufferBytes { get; init; }

    public IReadOnlyList<RawSocketOption> Raw { get; init; } = [];
}
