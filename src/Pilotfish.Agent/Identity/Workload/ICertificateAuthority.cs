using Istio.V1.Auth;
using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>Who signs certificates. Main loop.</summary>
internal interface ICertificateAuthority
{
    /// <summary>For messages.</summary>
    string Name { get; }

    /// <summary>Asks once. The event may come before this returns.</summary>
    /// <returns>Gives the call up when it is disposed.</returns>
    IDisposable Sign(IstioCertificateRequest request, IUnaryCallEvents events);

    /// <summary>What an operator can do about a failure; null when its reason says it all.</summary>
    string? Advice(in UnaryFailure failure);
}
