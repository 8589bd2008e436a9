namespace Pilotfish.Proxy.Http1;

/// <summary>The little of URL syntax that request targets need.</summary>
internal static class HttpUrl
{
    /// <summary>Length of <c>http</c> or <c>https</c> when the target starts with it and <c>://</c>; 0 otherwise.</summary>
    public static int SchemeLength(ReadOnlySpan<byte> target)
    {
        if (StartsWithIgnoreCase(target, "http://"u8))
        {
            return 4;
        }

        return StartsWithIgnoreCase(target, "https://"u8) ? 5 : 0;
    }

    private static bool StartsWithIgnoreCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCasePrefix) =>
        text.Length >= lowerCasePrefix.Length
        && System.Text.Ascii.EqualsIgnoreCase(text[..lowerCasePrefix.Length], lowerCasePrefix);
}
