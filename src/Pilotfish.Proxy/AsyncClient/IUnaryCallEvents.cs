namespace Pilotfish.Proxy.AsyncClient;

/// <summary>The one event of a unary call. Main loop.</summary>
public interface IUnaryCallEvents
{
    /// <param name="message">Valid during the call.</param>
    void OnResponse(ReadOnlySpan<byte> message);

    /// <summary>Any status but OK, or OK without exactly one message.</summary>
    void OnFailure(in UnaryFailure failure);
}
