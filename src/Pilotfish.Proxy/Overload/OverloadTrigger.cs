namespace Pilotfish.Proxy.Overload;

/// <summary>How a monitor's pressure becomes a level: at once from a threshold (equal bounds), or rising between two bounds.</summary>
internal sealed record OverloadTrigger(string Monitor, double Start, double Saturation)
{
    public double Level(double pressure) => pressure >= Saturation ? 1
        : pressure <= Start || Start >= Saturation ? 0
        : (pressure - Start) / (Saturation - Start);
}
