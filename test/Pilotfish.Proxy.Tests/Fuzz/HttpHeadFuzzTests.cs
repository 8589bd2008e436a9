using System.Text;
using System.Text.RegularExpressions;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>Heads of HTTP/1 messages against the slow reader.</summary>
public sealed class HttpHeadFuzzTests
{
    private static readonly Mutator s_requests = new(
        "GET /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX-A:\tb\t\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nhost:a\r\nTrailer: x\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive, te\r\nTE: trailers\r\n\r\n",
        "GET http://h.example/p HTTP/1.1\r\nHost: other\r\nCookie: a=b; c=d\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");

    private static readonly Mutator s_responses = new(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: x\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 204\r\nX-A: \r\nX-B:\tb \r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");

    internal static FuzzTarget Requests { get; } = new("h1-request", s_requests.Make, CheckRequest);

    internal static FuzzTarget Responses { get; } = new("h1-response", s_responses.Make, CheckResponse);

    [Fact]
    public void Request_AnyBytes_AreReadAsTheGrammarSays() => FuzzRun.Run(Requests);

    [Fact]
    public void Response_AnyBytes_AreReadAsTheGrammarSays() => FuzzRun.Run(Responses);

    private static void CheckRequest(byte[] input, Random random)
    {
        string text = Encoding.Latin1.GetString(input);
        int length = Scan(input, random);
        Assert.Equal(SlowHttp.HeadLength(text), length);
        if (length <= 0)
        {
            return;
        }

        var map = new HeaderMap();
        Http1Error? error = RequestHeadParser.Parse(input.AsSpan(0, length), map, Http1Limits.Request, out HttpProtocol version, out _);
        string head = text[..length];
        Match line = SlowHttp.RequestLineOf(head);
        List<(string Name, string Value)>? fields = SlowHttp.Fields(head);
        bool twoHosts = fields?.Count(static field => field.Name == "host") > 1;
        bool grammatical = line.Success && fields is not null && !twoHosts && fields.Count <= Http1Limits.DefaultHeaders;
        if (error is null)
        {
            Assert.True(grammatical);
            Assert.Equal(line.Groups[1].Value, map.GetText(WellKnownHeader.Method));
            Assert.Equal(line.Groups[3].Value == "HTTP/1.1", version == HttpProtocol.Http11);
            Assert.Equal(fields!.Where(static field => field.Name != "host"), FieldsOf(map));
            CheckFraming(map, fields!, version);
        }
        else if (grammatical)
        {
            // The grammar lets it pass: then it is the method, the target or the host that is not ours to take.
            bool isHost = fields!.TrueForAll(static field => field.Name != "host" || SlowHttp.Authority().IsMatch(field.Value));
            bool known = HttpMethods.IsKnown(Encoding.Latin1.GetBytes(line.Groups[1].Value));
            Assert.True(!known || !isHost || line.Groups[2].Value is not ['/', ..] || line.Groups[1].Value == "CONNECT", $"refused: {error.Details}");
        }
    }

    private static void CheckResponse(byte[] input, Random random)
    {
        string text = Encoding.Latin1.GetString(input);
        int length = Scan(input, random);
        Assert.Equal(SlowHttp.HeadLength(text), length);
        if (length <= 0)
        {
            return;
        }

        var map = new HeaderMap();
        Http1Error? error = ResponseHeadParser.Parse(input.AsSpan(0, length), map, Http1Limits.Response, out _, out int status, out _);
        string head = text[..length];
        Match line = SlowHttp.StatusLineOf(head);
        List<(string Name, string Value)>? fields = SlowHttp.Fields(head);
        Assert.Equal(line.Success && fields is not null && fields.Count <= Http1Limits.DefaultHeaders, error is null);
        if (error is null)
        {
            Assert.Equal(line.Groups[2].Value, status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(fields, FieldsOf(map));
        }
    }

    // Framing is decided by these two alone, and an accepted combination has one reading.
    private static void CheckFraming(HeaderMap map, List<(string Name, string Value)> fields, HttpProtocol version)
    {
        Http1Error? error = MessageFraming.OfRequest(map, version, Http1Limits.Request, out BodyKind kind, out long length);
        string[] lengths = [.. fields.Where(static field => field.Name == "content-length").Select(static field => field.Value)];
        string[] codings = [.. fields.Where(static field => field.Name == "transfer-encoding").Select(static field => field.Value)];
        if (error is not null)
        {
            Assert.NotEmpty(lengths.Concat(codings));
            return;
        }

        Assert.True(lengths.Length + codings.Length <= 1);
        if (lengths.Length == 1)
        {
            Assert.Matches("^[0-9]+$", lengths[0]);
            Assert.Equal(long.Parse(lengths[0], System.Globalization.CultureInfo.InvariantCulture), length);
        }

        if (codings.Length == 1)
        {
            Assert.Equal("chunked", codings[0].ToLowerInvariant());
            Assert.Equal(BodyKind.Chunked, kind);
        }
    }

    private static int Scan(byte[] input, Random random)
    {
        // The bytes come in two parts; where the first ends must not matter.
        var scanner = new HeadScanner();
        int split = random.Next(input.Length + 1);
        int length = scanner.Scan(input.AsSpan(0, split), out bool bare);
        if (length == 0 && !bare)
        {
            length = scanner.Scan(input, out bare);
        }

        // A complete head may still hold a bare line feed before it; the parser refuses it then.
        return length > 0 ? length : bare ? SlowHttp.HeadLength(Encoding.Latin1.GetString(input)) > 0
            ? SlowHttp.HeadLength(Encoding.Latin1.GetString(input)) : -1 : 0;
    }

    private static List<(string, string)> FieldsOf(HeaderMap map)
    {
        var fields = new List<(string, string)>();
        for (int i = 0; i < map.Count; i++)
        {
            HeaderEntry entry = map.EntryAt(i);
            string name = Encoding.Latin1.GetString(entry.Name);
            if (!name.StartsWith(':'))
            {
                fields.Add((name, Encoding.Latin1.GetString(entry.Value)));
            }
        }

        return fields;
    }
}
