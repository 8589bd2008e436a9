namespace Pilotfish.Proxy.Config;

/// <summary>Whether /healthcheck/fail was asked for: the main loop turns it, health check filters of every worker read it.</summary>
public sealed class HealthSwitch
{
    private volatile bool _fails;

    public bool Fails
    {
        get => _fails;
        set => _fails = value;
    }
}
