using System.Text;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>Counts items by a line of theirs and looks at the live heap from time to time; keeps nothing.</summary>
internal sealed class MeasuringWriter(string marker) : TextWriter
{
    private const int ItemsPerLook = 250;

    public int Items { get; private set; }

    public long LiveBytesMax { get; private set; }

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
    }

    public override void Write(string? value)
    {
        if (value is null || !value.Contains(marker, StringComparison.Ordinal))
        {
            return;
        }

        if (Items++ % ItemsPerLook == 0)
        {
            LiveBytesMax = Math.Max(LiveBytesMax, GC.GetTotalMemory(forceFullCollection: true));
        }
    }
}
