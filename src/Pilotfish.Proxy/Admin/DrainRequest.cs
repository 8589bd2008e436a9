namespace Pilotfish.Proxy.Admin;

/// <summary>What POST /drain_listeners asks for. Without graceful the listeners close at once.</summary>
public readonly record struct DrainRequest(bool InboundOnly, bool Graceful, bool SkipExit);
