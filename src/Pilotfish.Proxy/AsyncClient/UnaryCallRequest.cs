using Google.Protobuf;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>What a unary gRPC call asks, of whom and for how long at most.</summary>
public sealed record UnaryCallRequest
{
    /// <summary>The cluster through which the server is reached.</summary>
    public required string Cluster { get; init; }

    /// <summary>The service's full name.</summary>
    public required string Service { get; init; }

    public required string Method { get; init; }

    public required IMessage Message { get; init; }

    /// <summary>Bound of the call once its cluster serves, also told the server; 0 = none.</summary>
    public required long DeadlineMilliseconds { get; init; }

    /// <summary>Bound of the answer.</summary>
    public required int MessageBytesMax { get; init; }
}
