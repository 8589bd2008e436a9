namespace Pilotfish.Proxy.AsyncClient;

/// <summary>The one answer to an <see cref="AsyncGrpcRequest"/>, on its worker's loop.</summary>
internal interface IAsyncGrpcRequestEvents
{
    /// <param name="message">Valid during the call.</param>
    void OnResponse(ReadOnlySpan<byte> message);

    /// <summary>Any status but OK, or OK without exactly one message.</summary>
    void OnFailure(in GrpcEnd end);
}
