namespace Pilotfish.Proxy.Http1;

/// <summary>Methods that the codec knows; others need allow_custom_methods.</summary>
internal static class HttpMethods
{
    // Rare ones only: the frequent ones are compared first, by length.
    private static readonly byte[][] s_rare =
    [
        "ACL"u8.ToArray(), "BIND"u8.ToArray(), "CHECKOUT"u8.ToArray(), "COPY"u8.ToArray(), "LINK"u8.ToArray(),
        "LOCK"u8.ToArray(), "MERGE"u8.ToArray(), "MKACTIVITY"u8.ToArray(), "MKCALENDAR"u8.ToArray(), "MKCOL"u8.ToArray(),
        "MOVE"u8.ToArray(), "M-SEARCH"u8.ToArray(), "NOTIFY"u8.ToArray(), "PROPFIND"u8.ToArray(), "PROPPATCH"u8.ToArray(),
        "PURGE"u8.ToArray(), "REBIND"u8.ToArray(), "REPORT"u8.ToArray(), "SEARCH"u8.ToArray(), "SOURCE"u8.ToArray(),
        "SUBSCRIBE"u8.ToArray(), "UNBIND"u8.ToArray(), "UNLINK"u8.ToArray(), "UNLOCK"u8.ToArray(), "UNSUBSCRIBE"u8.ToArray(),
        "QUERY"u8.ToArray(),
    ];

    public static bool IsKnown(ReadOnlySpan<byte> method)
    {
        bool frequent = method.Length switch
        {
            3 => method.SequenceEqual("GET"u8) || method.SequenceEqual("PUT"u8),
            4 => method.SequenceEqual("POST"u8) || method.SequenceEqual("HEAD"u8),
            5 => method.SequenceEqual("PATCH"u8) || method.SequenceEqual("TRACE"u8),
            6 => method.SequenceEqual("DELETE"u8),
            7 => method.SequenceEqual("OPTIONS"u8) || method.SequenceEqual("CONNECT"u8),
            _ => false,
        };
        if (frequent)
        {
            return true;
        }

        foreach (byte[] rare in s_rare)
        {
            if (method.SequenceEqual(rare))
            {
                return true;
            }
        }

        return false;
    }
}
