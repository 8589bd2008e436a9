namespace Pilotfish.Capture.Command;

/// <summary>One flag: its long name, optional letter, and the environment variables that set it (later ones win).</summary>
internal sealed record FlagDefinition(
    string Name, char? Letter, string Default, bool IsSwitch, string Help, params string[] Variables);
