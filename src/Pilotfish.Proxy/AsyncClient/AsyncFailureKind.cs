namespace Pilotfish.Proxy.AsyncClient;

/// <summary>Why a call of the proxy's own ended without a whole response.</summary>
internal enum AsyncFailureKind : byte
{
    /// <summary>It did not fail.</summary>
    None,

    /// <summary>No cluster of that name exists now, or its first version still warms.</summary>
    UnknownCluster,

    /// <summary>The cluster has no host to offer, or drops the call by its drop_overloads.</summary>
    NoHost,

    /// <summary>The pool had no stream to give, or the stream broke; <see cref="AsyncFailure.Reset"/> tells how.</summary>
    Reset,

    DeadlineExceeded,

    /// <summary>The cluster was removed or replaced while the call ran.</summary>
    ClusterRemoved,

    /// <summary>The response's body is larger than the caller allowed.</summary>
    ResponseTooLarge,

    /// <summary>A gRPC message, of either side, is larger than the caller allowed.</summary>
    MessageTooLarge,

    /// <summary>The response is no well-formed gRPC: bad framing, a compressed message, no status.</summary>
    InvalidResponse,
}
