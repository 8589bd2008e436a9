namespace Pilotfish.Capture.Command;

/// <summary>The command line itself is wrong, as opposed to a value in it.</summary>
internal sealed class FlagException(string message) : Exception(message);
