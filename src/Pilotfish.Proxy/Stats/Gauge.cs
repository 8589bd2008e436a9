namespace Pilotfish.Proxy.Stats;

/// <summary>
/// A gauge created while config compiles. Its value is the sum over all loops' cells: loops that raise and lower it may
/// differ, a loop that sets it must be the only one that does. The default value is legal and unread.
/// </summary>
public readonly record struct Gauge(int Cell);
