namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>
/// The server's side of one call, made by the service for each call. All members are called on the server's loop, and none of them after
/// the call has ended: by <see cref="GrpcServerCall.End"/>, or with <see cref="OnCancelled"/>.
/// </summary>
public interface IGrpcCallHandler
{
    /// <summary>A whole request message; the span is valid during the call only.</summary>
    void OnMessage(ReadOnlySpan<byte> message);

    /// <summary>No request message follows. The service still owes its <see cref="GrpcServerCall.End"/>.</summary>
    void OnRequestEnd();

    /// <summary>The client takes messages again after <see cref="GrpcServerCall.TrySend"/> refused one.</summary>
    void OnWritable();

    /// <summary>The call is over without the service's doing: reset by its client, its connection lost, its deadline passed, its bytes wrong.</summary>
    void OnCancelled();
}
