namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>Bounds of a gRPC server for the process's own services; its clients are proxies and tools on the same machine.</summary>
public sealed record GrpcServerLimits
{
    /// <summary>Connections at once; the next one is closed at once. A proxy opens one, a tool another.</summary>
    public int Connections { get; init; } = 32;

    /// <summary>Calls at once on one connection (SETTINGS_MAX_CONCURRENT_STREAMS): a proxy subscribes with a call of its own per secret.</summary>
    public int StreamsPerConnection { get; init; } = 512;

    /// <summary>One request message. A first request carries the client's node, with all the metadata of a pod.</summary>
    public int MessageBytes { get; init; } = 1024 * 1024;

    /// <summary>Of all calls of a connection together: parts of requests that are not whole yet, and answers that their client does not take.</summary>
    public int HeldBytesPerConnection { get; init; } = 4 * 1024 * 1024;

    /// <summary>From the connection to the client's SETTINGS: who says nothing speaks no HTTP/2.</summary>
    public long HandshakeMilliseconds { get; init; } = 10_000;

    /// <summary>From a call's head to its first whole message; later messages may take as long as they like.</summary>
    public long RequestMilliseconds { get; init; } = 10_000;

    /// <summary>A connection without calls is ended after so much silence.</summary>
    public long IdleMilliseconds { get; init; } = 300_000;

    /// <summary>What a connection at its end gets to take its last frames.</summary>
    public long LingerMilliseconds { get; init; } = 1000;
}
