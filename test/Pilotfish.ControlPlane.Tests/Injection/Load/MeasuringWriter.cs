using System.Text;

namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>
/// Counts items by a line of theirs and looks at the live heap as often for a long list as for a short one: the most of many looks would
/// be more than that of a few. Keeps nothing.
/// </summary>
internal sealed class MeasuringWriter(string marker, int items) : TextWriter
{
    private const int Looks = 8;

    public int Items { get; private set; }

    public long LiveBytesMax { get; private set; }

    /// <summary>The least of the looks at the list's second half: what is kept of each item is in all of them, a passing need is not.</summary>
    public long HeldBytes { get; private set; } = long.MaxValue;

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

        if (Items++ % Math.Max(1, items / Looks) != 0)
        {
            return;
        }

        long live = GC.GetTotalMemory(forceFullCollection: true);
        LiveBytesMax = Math.Max(LiveBytesMax, live);
        if (Items > items / 2)
        {
            HeldBytes = Math.Min(HeldBytes, live);
        }
    }
}
