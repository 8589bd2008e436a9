namespace Pilotfish.Capture.Command;

/// <summary>A flag's text with where it came from, so that a complaint can name it as the operator wrote it.</summary>
internal sealed record FlagValue(string Source, string Text);
