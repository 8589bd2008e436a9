namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// MT19937 (Matsumoto and Nishimura, 1998; C++'s std::mt19937): the sequence that other proxies draw from the same seed, so that a fleet of
/// both passes the same requests on to the same hosts.
/// </summary>
/// <remarks>The state is the caller's, of <see cref="Length"/> numbers.</remarks>
internal ref struct MersenneTwister
{
    public const int Length = 624;

    // The recurrence's constants (paper, table II).
    private const int Middle = 397;
    private const uint Twist = 0x9908B0DF;
    private const uint UpperBit = 0x80000000;

    private readonly Span<uint> _state;
    private int _at;

    public MersenneTwister(Span<uint> state, uint seed)
    {
        _state = state;
        _at = Length;
        state[0] = seed;
        for (uint i = 1; i < Length; i++)
        {
            uint before = state[(int)i - 1];
            state[(int)i] = (1812433253u * (before ^ (before >> 30))) + i;
        }
    }

    /// <summary>A number of the whole range.</summary>
    public uint Next()
    {
        if (_at == Length)
        {
            Refill();
        }

        uint number = _state[_at++];
        number ^= number >> 11;
        number ^= (number << 7) & 0x9D2C5680;
        number ^= (number << 15) & 0xEFC60000;
        return number ^ (number >> 18);
    }

    /// <summary>A number below <paramref name="bound"/>, each as likely; the bound is above 0.</summary>
    public uint NextBelow(uint bound)
    {
        ulong share = (1ul << 32) / bound;
        ulong number;
        do
        {
            number = Next() / share;
        }
        while (number >= bound);
        return (uint)number;
    }

    private void Refill()
    {
        for (int i = 0; i < Length; i++)
        {
            uint joined = (_state[i] & UpperBit) | (_state[(i + 1) % Length] & ~UpperBit);
            _state[i] = _state[(i + Middle) % Length] ^ (joined >> 1) ^ ((joined & 1) == 0 ? 0 : Twist);
        }

        _at = 0;
    }
}
