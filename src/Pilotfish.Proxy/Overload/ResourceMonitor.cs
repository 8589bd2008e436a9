namespace Pilotfish.Proxy.Overload;

/// <summary>Something that can run short. Main loop.</summary>
internal abstract class ResourceMonitor
{
    /// <summary>The part in use, 0 to 1 and above; null when it cannot be told now.</summary>
    public abstract double? ReadPressure();
}
