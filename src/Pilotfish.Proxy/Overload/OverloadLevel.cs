using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// How far one action or load-shed point is triggered, from 0 to 1. Written by the main loop, read by every worker at each
/// decision: one volatile number.
/// </summary>
public sealed class OverloadLevel
{
    private const int Full = 1_000_000;

    private volatile int _millionths;

    /// <summary>The action works at its full strength.</summary>
    public bool IsSaturated => _millionths >= Full;

    public bool IsActive => _millionths > 0;

    public double Value => (double)_millionths / Full;

    /// <summary>Yes with the level's probability, without drawing lots at either end.</summary>
    public bool Strikes(WorkerRandom random)
    {
        int level = _millionths;
        return level > 0 && (level >= Full || random.NextBelow(Full) < level);
    }

    internal void Set(double value) => _millionths = (int)(Math.Clamp(value, 0, 1) * Full);
}
