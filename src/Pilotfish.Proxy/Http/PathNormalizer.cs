namespace Pilotfish.Proxy.Http;

/// <summary>
/// Path canonicalisation as the Chromium URL library does it: percent-encoded unreserved characters are decoded, the backslash is a slash,
/// dot segments (also written %2e) are resolved. Allocates; called for paths that need it.
/// </summary>
public static class PathNormalizer
{
    /// <summary>Null when the path is not acceptable: a NUL or a broken percent escape.</summary>
    public static byte[]? Normalize(ReadOnlySpan<byte> path)
    {
        var output = new List<byte>(path.Length);
        for (int i = 0; i < path.Length; i++)
        {
            byte c = path[i];
            if (c == '%')
            {
                if (i + 2 >= path.Length || Hex(path[i + 1]) < 0 || Hex(path[i + 2]) < 0)
                {
                    return null;
                }

                byte value = (byte)((Hex(path[i + 1]) << 4) | Hex(path[i + 2]));
                if (value == 0)
                {
                    return null;
                }

                if (IsUnreserved(value))
                {
                    output.Add(value);
                }
                else
                {
                    output.AddRange(path.Slice(i, 3));
                }

                i += 2;
            }
            else
            {
                output.Add(c == '\\' ? (byte)'/' : c);
            }
        }

        return ResolveDots(output);
    }

    public static byte[] MergeSlashes(ReadOnlySpan<byte> path)
    {
        var output = new List<byte>(path.Length);
        foreach (byte c in path)
        {
            if (c != '/' || output.Count == 0 || output[^1] != '/')
            {
                output.Add(c);
            }
        }

        return [.. output];
    }

    /// <summary>Decodes %2F and %5C in either case.</summary>
    public static byte[] UnescapeSlashes(ReadOnlySpan<byte> path)
    {
        var output = new List<byte>(path.Length);
        for (int i = 0; i < path.Length; i++)
        {
            if (path[i] == '%' && i + 2 < path.Length)
            {
                int value = (Hex(path[i + 1]) << 4) | Hex(path[i + 2]);
                if (value is '/' or '\\')
                {
                    output.Add((byte)value);
                    i += 2;
                    continue;
                }
            }

            output.Add(path[i]);
        }

        return [.. output];
    }

    private static byte[] ResolveDots(List<byte> path)
    {
        var output = new List<byte>(path.Count);
        int at = 0;
        while (at < path.Count)
        {
            // Each segment starts at a slash.
            int end = path.IndexOf((byte)'/', at + 1);
            bool last = end < 0;
            end = last ? path.Count : end;
            int length = end - at - 1;
            bool dot = length == 1 && path[at + 1] == '.';
            bool dots = length == 2 && path[at + 1] == '.' && path[at + 2] == '.';
            if (dots)
            {
                int parent = output.LastIndexOf((byte)'/');
                output.RemoveRange(Math.Max(0, parent), output.Count - Math.Max(0, parent));
            }
            else if (!dot)
            {
                output.AddRange(path.GetRange(at, end - at));
            }

            if (last && (dot || dots))
            {
                output.Add((byte)'/');
            }

            at = end;
        }

        return output.Count == 0 ? [(byte)'/'] : [.. output];
    }

    private static bool IsUnreserved(byte value) =>
        value is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~' || char.IsAsciiLetterOrDigit((char)value);

    private static int Hex(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };
}
