using System.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http2.Hpack;

/// <summary>The 61 fields that every connection knows (RFC 7541 appendix A), numbered from 1.</summary>
internal static class HpackStaticTable
{
    public const int Count = 61;

    private static readonly (string Name, string Value)[] s_texts =
    [
        ("", ""),
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
        (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
        ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""),
        ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
        ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ];

    private static readonly byte[][] s_names = new byte[Count + 1][];
    private static readonly byte[][] s_values = new byte[Count + 1][];
    private static readonly WellKnownHeader[] s_known = new WellKnownHeader[Count + 1];
    private static readonly byte[] s_indexByKnown = Build();

    public static ReadOnlySpan<byte> Name(int index) => s_names[index];

    public static ReadOnlySpan<byte> Value(int index) => s_values[index];

    public static WellKnownHeader Known(int index) => s_known[index];

    /// <summary>The first entry with this name, or 0.</summary>
    public static int IndexOf(WellKnownHeader header) => s_indexByKnown[(int)header];

    /// <summary>The entry with this name and value, or 0.</summary>
    public static int IndexOf(WellKnownHeader header, ReadOnlySpan<byte> value)
    {
        int first = s_indexByKnown[(int)header];
        for (int i = first; i > 0 && i <= Count && s_known[i] == header; i++)
        {
            if (s_values[i].Length > 0 && value.SequenceEqual(s_values[i]))
            {
                return i;
            }
        }

        return 0;
    }

    private static byte[] Build()
    {
        var byKnown = new byte[WellKnownHeaders.Count];
        for (int i = 0; i <= Count; i++)
        {
            s_names[i] = Encoding.ASCII.GetBytes(s_texts[i].Name);
            s_values[i] = Encoding.ASCII.GetBytes(s_texts[i].Value);
            s_known[i] = WellKnownHeaders.Find(s_names[i]);
            if (s_known[i] != WellKnownHeader.None && byKnown[(int)s_known[i]] == 0)
            {
                byKnown[(int)s_known[i]] = (byte)i;
            }
        }

        return byKnown;
    }
}
