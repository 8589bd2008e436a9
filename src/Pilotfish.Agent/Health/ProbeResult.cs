using System.Net;

namespace Pilotfish.Agent.Health;

/// <summary>What the kubelet is told about a probe.</summary>
public readonly record struct ProbeResult(HttpStatusCode Status, string Body);
