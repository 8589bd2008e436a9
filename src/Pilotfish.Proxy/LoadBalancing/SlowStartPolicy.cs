using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>New hosts get a growing share: weight * max(minimum, (age / window)^(1 / aggression)).</summary>
public sealed record SlowStartPolicy(long WindowMilliseconds, LiveDouble Aggression, double MinimumWeight)
{
    public const double DefaultAggression = 1;
    public const double DefaultMinimumWeight = 0.1;

    /// <summary>Age is clamped to a millisecond, or a host of age zero would never be picked with minimum zero.</summary>
    public double Factor(long ageMilliseconds) => ageMilliseconds >= WindowMilliseconds
        ? 1
        : Math.Max(MinimumWeight, Math.Pow(Math.Max(1, ageMilliseconds) / (double)WindowMilliseconds, 1 / Positive(Aggression.Current)));

    // The runtime may say anything.
    private static double Positive(double aggression) => aggression > 0 ? aggression : DefaultAggression;
}
