using System.Text;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>Counts sidecars and looks at the live heap from time to time; keeps nothing.</summary>
internal sealed class MeasuringWriter : TextWriter
{
    private const int SidecarsPerLook = 250;
    private const string Sidecar = "name: istio-proxy\n";

    public int Sidecars { get; private set; }

    public long LiveBytesMax { get; private set; }

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
    }

    public override void Write(string? value)
    {
        if (value is null || !value.Contains(Sidecar, StringComparison.Ordinal))
        {
            return;
        }

        if (Sidecars++ % SidecarsPerLook == 0)
        {
            LiveBytesMax = Math.Max(LiveBytesMax, GC.GetTotalMemory(forceFullCollection: true));
        }
    }
}
