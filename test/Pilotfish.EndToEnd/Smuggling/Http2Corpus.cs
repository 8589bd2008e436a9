using System.Text;

namespace Pilotfish.EndToEnd.Smuggling;

/// <summary>
/// Requests over HTTP/2 that would become other requests where their fields are written down as HTTP/1.1: line ends and NULs in names, values
/// and pseudo-header fields, lengths that are not the body's, fields that frame messages, conflicts about the host, tunnels.
/// </summary>
internal static class Http2Corpus
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Settings = 4;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    private static readonly (string, string)[] s_get = [(":method", "GET"), (":scheme", "http"), (":path", "{P}"), (":authority", "a")];
    private static readonly (string, string)[] s_post = [(":method", "POST"), .. s_get[1..]];

    public static IReadOnlyList<SmugglingCase> Cases { get; } =
    [
        Case("GET", s_get),
        Case("POST with its length", [.. s_post, ("content-length", "{L}")], "{E}"),
        Case("POST without a length", s_post, "{E}"),
        Case("GET with a body", s_get, "{E}"),
        Case("HEAD with a body", [(":method", "HEAD"), .. s_get[1..]], "{E}"),
        Case("length beyond the body", [.. s_post, ("content-length", "1000")], "{E}"),
        Case("length short of the body", [.. s_post, ("content-length", "0")], "{E}"),
        Case("length without a body", [.. s_post, ("content-length", "{L}")]),
        Case("lengths that differ", [.. s_post, ("content-length", "0"), ("content-length", "{L}")], "{E}"),
        Case("lengths alike", [.. s_post, ("content-length", "{L}"), ("content-length", "{L}")], "{E}"),
        Case("list of lengths", [.. s_post, ("content-length", "0, {L}")], "{E}"),
        Case("signed length", [.. s_post, ("content-length", "+{L}")], "{E}"),
        Case("length with blanks", [.. s_post, ("content-length", " {L} ")], "{E}"),
        Case("hexadecimal length", [.. s_post, ("content-length", "0x{X}")], "{E}"),
        Case("length beyond 64 bits", [.. s_post, ("content-length", "18446744073709551616")], "{E}"),
        Case("transfer-encoding", [.. s_post, ("transfer-encoding", "chunked")], "0\r\n\r\n{E}"),
        Case("transfer-encoding in capitals", [.. s_post, ("Transfer-Encoding", "chunked")], "0\r\n\r\n{E}"),
        Case("transfer_encoding", [.. s_post, ("transfer_encoding", "chunked")], "0\r\n\r\n{E}"),
        Case("te: trailers", [.. s_post, ("te", "trailers")], "{E}"),
        Case("te: chunked", [.. s_post, ("te", "chunked")], "0\r\n\r\n{E}"),
        Case("connection", [.. s_post, ("connection", "content-length"), ("content-length", "{L}")], "{E}"),
        Case("keep-alive", [.. s_get, ("keep-alive", "timeout=5")]),
        Case("proxy-connection", [.. s_get, ("proxy-connection", "close")]),
        Case("upgrade", [.. s_get, ("upgrade", "websocket")]),
        Case("line end in a name", [.. s_post, ("x\r\ntransfer-encoding: chunked\r\ny", "z")], "0\r\n\r\n{E}"),
        Case("line feed in a name", [.. s_post, ("x\ntransfer-encoding", "chunked")], "0\r\n\r\n{E}"),
        Case("NUL in a name", [.. s_post, ("transfer-encoding\0", "chunked")], "0\r\n\r\n{E}"),
        Case("colon in a name", [.. s_post, ("transfer-encoding: chunked\r\nx:", "y")], "0\r\n\r\n{E}"),
        Case("colon at a name's end", [.. s_post, ("transfer-encoding:", "chunked")], "0\r\n\r\n{E}"),
        Case("blank in a name", [.. s_post, ("transfer-encoding ", "chunked")], "0\r\n\r\n{E}"),
        Case("blank before a name", [.. s_post, (" transfer-encoding", "chunked")], "0\r\n\r\n{E}"),
        Case("tab in a name", [.. s_post, ("transfer-encoding\t", "chunked")], "0\r\n\r\n{E}"),
        Case("empty name", [.. s_post, ("", "chunked")], "0\r\n\r\n{E}"),
        Case("obs-text in a name", [.. s_post, ("x\u00e4", "y")], "{E}"),
        Case("line end in a value", [.. s_post, ("x", "y\r\ntransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("request in a value", [.. s_get, ("x", "y\r\n\r\n{E}")]),
        Case("line feed in a value", [.. s_post, ("x", "y\ntransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("carriage return in a value", [.. s_post, ("x", "y\rtransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("NUL in a value", [.. s_post, ("x", "y\0\r\ntransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("line end at a value's end", [.. s_post, ("x", "y\r\n")], "{E}"),
        Case("blanks around a value", [.. s_post, ("x", " y\t")], "{E}"),
        Case("line end in a cookie", [.. s_post, ("cookie", "a=b\r\ntransfer-encoding: chunked"), ("cookie", "c=d")], "0\r\n\r\n{E}"),
        Case("request in the method", [(":method", "GET {V} HTTP/1.1\r\nhost: evil\r\n\r\nGET"), .. s_get[1..]]),
        Case("blank in the method", [(":method", "GET {V} HTTP/1.1"), .. s_get[1..]]),
        Case("empty method", [(":method", ""), .. s_get[1..]]),
        Case("request in the path", [s_get[0], s_get[1], (":path", "{P} HTTP/1.1\r\nhost: a\r\n\r\nGET {V}"), s_get[3]]),
        Case("blank in the path", [s_get[0], s_get[1], (":path", "{P} HTTP/1.1"), s_get[3]]),
        Case("tab in the path", [s_get[0], s_get[1], (":path", "{P}\tx"), s_get[3]]),
        Case("fragment in the path", [s_get[0], s_get[1], (":path", "{P}#{V}"), s_get[3]]),
        Case("path without a slash", [s_get[0], s_get[1], (":path", "evil.example{V}"), s_get[3]]),
        Case("path with a scheme", [s_get[0], s_get[1], (":path", "http://evil.example{V}"), s_get[3]]),
        Case("asterisk with GET", [s_get[0], s_get[1], (":path", "*"), s_get[3]]),
        Case("empty path", [s_get[0], s_get[1], (":path", ""), s_get[3]]),
        Case("line end in the scheme", [s_get[0], (":scheme", "http\r\nx: y"), s_get[2], s_get[3]]),
        Case("request in the scheme", [s_get[0], (":scheme", "http://evil.example{V}?"), s_get[2], s_get[3]]),
        Case("line end in the authority", [.. s_post[..3], (":authority", "a\r\ntransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("user in the authority", [.. s_get[..3], (":authority", "evil@a")]),
        Case("path in the authority", [.. s_get[..3], (":authority", "a{V}?")]),
        Case("blank in the authority", [.. s_get[..3], (":authority", "a b")]),
        Case("authority and another host", [.. s_get, ("host", "evil.example")]),
        Case("host alone", [.. s_get[..3], ("host", "a")]),
        Case("two hosts", [.. s_get[..3], ("host", "a"), ("host", "evil.example")]),
        Case("line end in the host", [.. s_post[..3], ("host", "a\r\ntransfer-encoding: chunked")], "0\r\n\r\n{E}"),
        Case("no host at all", s_get[..3]),
        Case("two paths", [.. s_get, (":path", "{V}")]),
        Case("two methods", [.. s_get, (":method", "POST")]),
        Case("pseudo-header field behind others", [s_get[0], s_get[1], s_get[2], ("x", "y"), s_get[3]]),
        Case("unknown pseudo-header field", [.. s_get, (":evil", "x")]),
        Case("status of a request", [.. s_get, (":status", "200")]),
        Case("trailers", s_post, "{E}", [("x-t", "y")]),
        Case("length as a trailer", s_post, "{E}", [("content-length", "0")]),
        Case("coding as a trailer", s_post, "{E}", [("transfer-encoding", "chunked")]),
        Case("host as a trailer", s_post, "{E}", [("host", "evil.example")]),
        Case("pseudo-header field as a trailer", s_post, "{E}", [(":path", "{V}")]),
        Case("line end in a trailer", s_post, "abc", [("x-t", "y\r\n\r\n{E}")]),
        Case("line end in a trailer's name", s_post, "abc", [("x-t\r\n\r\n{E}", "y")]),
        Case("CONNECT", [(":method", "CONNECT"), (":authority", "127.0.0.1:8001")], "{E}"),
        Case("CONNECT with a path", [(":method", "CONNECT"), .. s_get[1..]], "{E}"),
        Case("extended CONNECT", [(":method", "CONNECT"), (":protocol", "websocket"), .. s_get[1..]], "{E}"),
        Case("protocol without CONNECT", [.. s_get, (":protocol", "websocket")]),
        Case("expect", [.. s_post, ("expect", "100-continue"), ("content-length", "{L}")], "{E}"),
        Case("HTTP2-Settings", [.. s_get, ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA")]),
    ];

    private static SmugglingCase Case(string name, (string, string)[] fields, string? data = null, (string, string)[]? trailers = null) => new(
        "HTTP/2: " + name, fill =>
        {
            var bytes = new StringBuilder("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(Settings, 0, 0, ""));
            bytes.Append(Frame(Headers, (byte)(EndHeaders | (data is null ? EndStream : 0)), 1, Block(fields, fill)));
            if (data is not null)
            {
                bytes.Append(Frame(Data, (byte)(trailers is null ? EndStream : 0), 1, fill(data)));
            }

            return trailers is null ? bytes.ToString() : bytes + Frame(Headers, EndHeaders | EndStream, 1, Block(trailers, fill));
        });

    // Bytes as Latin-1, as all of the corpus: a literal without indexing is two lengths and two texts (RFC 7541 section 6.2.2).
    private static string Block((string Name, string Value)[] fields, Func<string, string> fill) =>
        string.Concat(fields.Select(field => "\0" + Text(fill(field.Name)) + Text(fill(field.Value))));

    private static string Text(string text)
    {
        // Seven bits of the length, then groups of seven (section 5.1); no case is longer than two groups can say.
        const int PrefixMax = 127;
        int rest = text.Length - PrefixMax;
        return (rest < 0 ? $"{(char)text.Length}"
            : rest < 128 ? $"{(char)PrefixMax}{(char)rest}"
            : $"{(char)PrefixMax}{(char)(128 | (rest & 127))}{(char)(rest >> 7)}") + text;
    }

    private static string Frame(byte type, byte flags, int stream, string payload) =>
        $"{(char)(payload.Length >> 16)}{(char)((payload.Length >> 8) & 255)}{(char)(payload.Length & 255)}{(char)type}{(char)flags}\0\0\0{(char)stream}{payload}";
}
