namespace Pilotfish.Proxy.Drain;

/// <summary>Whether connections are asked to close at once, or with a probability that rises over the drain time.</summary>
public enum DrainStrategy
{
    Gradual,
    Immediate,
}
