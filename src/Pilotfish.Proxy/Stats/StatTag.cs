namespace Pilotfish.Proxy.Stats;

/// <summary>A part of a statistic's name that reports show as a label.</summary>
internal readonly record struct StatTag(string Name, string Value);
