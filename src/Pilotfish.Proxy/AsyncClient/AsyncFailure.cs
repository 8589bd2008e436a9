using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>The end of a call that has no whole response.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Reset">How the stream ended; of meaning for <see cref="AsyncFailureKind.Reset"/> alone.</param>
/// <param name="Details">In the words of access logs' response code details, or a sentence. Printable.</param>
/// <param name="TransportFailure">What the connection itself says of its end, in words; null when it says nothing.</param>
internal readonly record struct AsyncFailure(
    AsyncFailureKind Kind, StreamResetReason Reset, string Details, string? TransportFailure = null);
