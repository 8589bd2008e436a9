namespace Pilotfish.Proxy.Clusters;

/// <summary>Retries allowed as a share of active and pending requests, with a floor.</summary>
public sealed record RetryBudget(double Percent, uint ConcurrencyMin)
{
    public const double DefaultPercent = 20;
    public const uint DefaultConcurrencyMin = 3;
}
