namespace Pilotfish.Agent.Bootstrap;

/// <summary>Start-up configuration that the agent cannot use; the message is for the operator.</summary>
public sealed class AgentConfigException(string message) : Exception(message);
