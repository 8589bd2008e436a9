namespace Pilotfish.Proxy.Stats;

/// <summary>
/// A counter created while config compiles. The default value is legal: it counts into the cell that nobody reads,
/// so that a statistic excluded by the stats matcher costs its user no branch.
/// </summary>
public readonly record struct Counter(int Cell);
