using System.Text;

namespace Pilotfish.Runtime.Interop;

/// <summary>Lists of application protocols in wire format: each name after a byte with its length (RFC 7301 section 3.1).</summary>
internal static class AlpnList
{
    /// <summary>Names that are empty or longer than a byte can tell are left out.</summary>
    internal static byte[] Encode(IReadOnlyList<string> names)
    {
        var list = new List<byte>();
        foreach (string name in names)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(name);
            if (bytes.Length is > 0 and <= byte.MaxValue)
            {
                list.Add((byte)bytes.Length);
                list.AddRange(bytes);
            }
        }

        return [.. list];
    }

    /// <summary>Where the first of ours that they offer too stands in their list; false when nothing is common.</summary>
    internal static bool TrySelect(ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs, out int start, out int length)
    {
        for (ReadOnlySpan<byte> rest = ours; TryNext(rest, out ReadOnlySpan<byte> wanted); rest = rest[(1 + wanted.Length)..])
        {
            int at = 0;
            while (TryNext(theirs[at..], out ReadOnlySpan<byte> offered))
            {
                if (offered.SequenceEqual(wanted))
                {
                    (start, length) = (at + 1, offered.Length);
                    return true;
                }

                at += 1 + offered.Length;
            }
        }

        (start, length) = (0, 0);
        return false;
    }

    private static bool TryNext(ReadOnlySpan<byte> list, out ReadOnlySpan<byte> name)
    {
        bool has = list.Length > 1 && list.Length > list[0];
        name = has ? list.Slice(1, list[0]) : default;
        return has;
    }
}
