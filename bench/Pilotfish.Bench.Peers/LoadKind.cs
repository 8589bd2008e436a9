namespace Pilotfish.Bench.Peers;

/// <summary>Who makes the load of a mode.</summary>
internal enum LoadKind
{
    /// <summary>wrk, with or without TLS.</summary>
    Requests,
    Rate,
    Tcp,
    Idle,
    FullHandshakes,
    ResumedHandshakes,

    /// <summary>h2load, 16 connections of 8 streams.</summary>
    Http2,
    Grpc,
    WebSocket,
}
