namespace Pilotfish.Proxy.Routing;

/// <summary>Parts of an authority such as <c>example.com:80</c> or <c>[::1]:80</c>.</summary>
public static class HostText
{
    public static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> authority)
    {
        int colon = PortColon(authority);
        return colon < 0 ? authority : authority[..colon];
    }

    /// <summary>Index of the colon before the port, or -1.</summary>
    public static int PortColon(ReadOnlySpan<byte> authority)
    {
        int colon = authority.LastIndexOf((byte)':');
        if (colon < 0 || authority[(colon + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            return -1;
        }

        // An IPv6 literal without brackets has colons but no port.
        bool bracketed = colon > 0 && authority[colon - 1] == ']';
        return bracketed || authority.IndexOf((byte)':') == colon ? colon : -1;
    }
}
