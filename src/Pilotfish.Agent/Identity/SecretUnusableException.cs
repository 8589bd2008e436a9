namespace Pilotfish.Agent.Identity;

/// <summary>A secret cannot be made (yet): one sentence for the log, naming the file.</summary>
internal sealed class SecretUnusableException(string problem) : Exception(problem);
