namespace Pilotfish.Proxy.Http;

/// <summary>A set of well-known headers, a bit for each: of the first 64 in one word, of the others, 64 at most, in the other.</summary>
internal readonly record struct WellKnownHeaderSet(ulong Low, ulong High)
{
    public static WellKnownHeaderSet Of(WellKnownHeader header) =>
        (int)header < 64 ? new WellKnownHeaderSet(1UL << (int)header, 0) : new WellKnownHeaderSet(0, 1UL << (int)header);

    public static WellKnownHeaderSet Of(ReadOnlySpan<WellKnownHeader> headers)
    {
        var all = default(WellKnownHeaderSet);
        foreach (WellKnownHeader header in headers)
        {
            WellKnownHeaderSet one = Of(header);
            all = new WellKnownHeaderSet(all.Low | one.Low, all.High | one.High);
        }

        return all;
    }
}
