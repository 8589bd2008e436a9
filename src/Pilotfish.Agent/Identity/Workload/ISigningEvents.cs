using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>The one event of a <see cref="SigningAttempt"/>. Main loop.</summary>
internal interface ISigningEvents
{
    /// <param name="attempt">The attempt, for its key.</param>
    /// <param name="message">The answer, unread; valid during the call.</param>
    void OnSigned(SigningAttempt attempt, ReadOnlySpan<byte> message);

    void OnFailed(in UnaryFailure failure);
}
