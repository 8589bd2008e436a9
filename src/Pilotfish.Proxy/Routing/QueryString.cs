namespace Pilotfish.Proxy.Routing;

/// <summary>Reads parameters out of a path's query without decoding it.</summary>
public static class QueryString
{
    /// <summary>The path without query and fragment.</summary>
    public static ReadOnlySpan<byte> PathOnly(ReadOnlySpan<byte> path)
    {
        int end = path.IndexOfAny((byte)'?', (byte)'#');
        return end < 0 ? path : path[..end];
    }

    /// <summary>The first value of a parameter; false when it is absent. A parameter without '=' has an empty value.</summary>
    public static bool TryGet(ReadOnlySpan<byte> path, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        int start = path.IndexOf((byte)'?');
        if (start < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = path[(start + 1)..];
        int fragment = rest.IndexOf((byte)'#');
        rest = fragment < 0 ? rest : rest[..fragment];
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'&');
            ReadOnlySpan<byte> pair = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            int equals = pair.IndexOf((byte)'=');
            ReadOnlySpan<byte> key = equals < 0 ? pair : pair[..equals];
            if (key.SequenceEqual(name))
            {
                value = equals < 0 ? default : pair[(equals + 1)..];
                return true;
            }
        }

        return false;
    }
}
