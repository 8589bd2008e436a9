using System.Text;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>The parts of an absolute http or https URL in a Location header. Relative ones are not followed.</summary>
internal readonly record struct RedirectTarget(bool IsHttps, Range Authority, Range Path)
{
    public static bool TryParse(ReadOnlySpan<byte> location, out RedirectTarget target)
    {
        target = default;
        bool https = StartsWith(location, "https://"u8);
        if (!https && !StartsWith(location, "http://"u8))
        {
            return false;
        }

        int start = https ? 8 : 7;
        int fragment = location.IndexOf((byte)'#');
        int end = fragment < 0 ? location.Length : fragment;
        if (end <= start)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = location[start..end];
        int slash = rest.IndexOfAny((byte)'/', (byte)'?');
        int authorityEnd = slash < 0 ? end : start + slash;
        if (authorityEnd == start || location[start..authorityEnd].IndexOfAny(" @\\"u8) >= 0 || location[authorityEnd..end].Contains((byte)' '))
        {
            return false;
        }

        target = new RedirectTarget(https, start..authorityEnd, authorityEnd..end);
        return true;
    }

    /// <summary>The path with its query; "/" where the URL has none.</summary>
    public byte[] PathOf(ReadOnlySpan<byte> location)
    {
        ReadOnlySpan<byte> path = location[Path];
        return path.StartsWith("/"u8) ? path.ToArray() : [(byte)'/', .. path];
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> prefix) =>
        text.Length >= prefix.Length && Ascii.EqualsIgnoreCase(text[..prefix.Length], prefix);
}
