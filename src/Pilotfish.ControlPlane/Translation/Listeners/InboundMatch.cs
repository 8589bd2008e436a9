namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>One way in to a port: by what the first bytes showed. <paramref name="Terminate"/> means mutual TLS ends here.</summary>
internal sealed record InboundMatch(
    ListenerProtocol Protocol, string Transport, IReadOnlyList<string> ApplicationProtocols, bool Terminate);
