namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// The owner of an <see cref="AsyncGrpcStream"/> that takes messages in parts, as their bytes arrive: for messages that are too large to be
/// held whole. A call may end within a message.
/// </summary>
internal interface IAsyncGrpcPartEvents : IAsyncGrpcCallEvents
{
    /// <param name="part">The message's next bytes; empty for a message without any. Valid during the call.</param>
    /// <param name="end">Whether the message is whole with them.</param>
    void OnMessagePart(ReadOnlySpan<byte> part, bool end);
}
