namespace Pilotfish.Proxy.Stats;

/// <summary>What a named statistic is; decides how its cells are read and printed.</summary>
public enum StatKind : byte
{
    Counter,
    Gauge,
    Histogram,
    TextReadout,
}
