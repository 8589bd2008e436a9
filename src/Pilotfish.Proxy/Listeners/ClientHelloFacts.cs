namespace Pilotfish.Proxy.Listeners;

/// <summary>What filter chain matching wants of a ClientHello; the name is in lower case.</summary>
internal readonly record struct ClientHelloFacts(string? ServerName, IReadOnlyList<string> ApplicationProtocols);
