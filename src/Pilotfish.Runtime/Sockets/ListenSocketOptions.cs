namespace Pilotfish.Runtime.Sockets;

/// <summary>How a listening socket is set up.</summary>
public sealed record ListenSocketOptions
{
    public static ListenSocketOptions Default { get; } = new();

    /// <summary>Connections that the kernel holds until they are accepted; it caps this at net.core.somaxconn.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>SO_REUSEPORT: several loops listen on one address and the kernel spreads connections over them.</summary>
    public bool ReusePort { get; init; }

    public bool Transparent { get; init; }

    public bool FreeBind { get; init; }

    /// <summary>Whether an IPv6 wildcard also takes IPv4 connections, as IPv4-mapped addresses.</summary>
    public bool DualStack { get; init; }

    /// <summary>Inherited by accepted connections, which saves a system call on each.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>Inherited by accepted connections.</summary>
    public KeepAliveOptions? KeepAlive { get; init; }

    public int Mark { get; init; }

    public int ReceiveBufferBytes { get; init; }

    public int SendBufferBytes { get; init; }

    /// <summary>TCP_FASTOPEN queue length; 0 leaves it off.</summary>
    public int FastOpenQueue { get; init; }

    /// <summary>Permissions of a Unix socket's file; null leaves the umask's.</summary>
    public int? UnixMode { get; init; }

    /// <summary>
    /// Connections accepted in one turn of the loop, at least 1; more than <see cref="AcceptsPerTurnCap"/> counts as that.
    /// </summary>
    public int AcceptsPerTurn { get; init; } = AcceptsPerTurnCap;

    /// <summary>Accepts that succeed at once per turn; then the established connections have theirs.</summary>
    public const int AcceptsPerTurnCap = 64;

    /// <summary>Multipath TCP (RFC 8684) for clients that ask for it, where the kernel has it; plain TCP otherwise.</summary>
    public bool Multipath { get; init; }

    public IReadOnlyList<RawSocketOption> Raw { get; init; } = [];

    /// <summary>By content, <see cref="Raw"/> too.</summary>
    public bool Equals(ListenSocketOptions? other) => other is not null && Rest == other.Rest && Same(Raw, other.Raw);

    public override int GetHashCode() => Rest.GetHashCode();

    private (int, bool, bool, bool, bool, bool, KeepAliveOptions?, int, int, int, int, int?, int, bool) Rest => (
        Backlog, ReusePort, Transparent, FreeBind, DualStack, NoDelay, KeepAlive, Mark, ReceiveBufferBytes, SendBufferBytes, FastOpenQueue, UnixMode,
        AcceptsPerTurn, Multipath);

    private static bool Same(IReadOnlyList<RawSocketOption> one, IReadOnlyList<RawSocketOption> other)
    {
        bool isSame = one.Count == other.Count;
        for (int i = 0; isSame && i < one.Count; i++)
        {
            isSame = one[i] == other[i];
        }

        return isSame;
    }
}
