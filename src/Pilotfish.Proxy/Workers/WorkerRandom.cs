namespace Pilotfish.Proxy.Workers;

/// <summary>
/// Random numbers for balancing decisions of one loop (SplitMix64). Not for secrets. A seed makes a test repeatable.
/// </summary>
public sealed class WorkerRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong NextUInt64()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number in [0, bound); the bias of the multiply-shift is below 2^-32 for any bound that fits an int.</summary>
    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    public int NextBelow(int bound) => (int)(((NextUInt64() >> 32) * (ulong)bound) >> 32);
}
