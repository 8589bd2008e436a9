using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http1;

public sealed class RequestHeadParserTests
{
    [Fact]
    public void Head_Valid_BecomesPseudoHeadersAndLowerCaseNames()
    {
        HeaderMap map = Parse("GET /a?b HTTP/1.1\r\nHOST: Example.com\r\nX-Odd:  v \r\nAccept: */*\r\n\r\n", out Http1Error? error);
        Assert.Null(error);
        Assert.Equal("GET", Text(map[WellKnownHeader.Method]));
        Assert.Equal("/a?b", Text(map[WellKnownHeader.Path]));
        Assert.Equal("Example.com", Text(map[WellKnownHeader.Authority]));
        Assert.False(map.Has(WellKnownHeader.Host));
        Assert.True(map.TryGet("x-odd"u8, out ReadOnlySpan<byte> odd));
        Assert.Equal("v", Text(odd));
        Assert.Equal("*/*", Text(map[WellKnownHeader.Accept]));
    }

    [Theory]
    [InlineData("http://h.example:81/p?q", "h.example:81", "/p?q")]
    [InlineData("http://h.example", "h.example", "/")]
    [InlineData("HTTP://h?q=1", "h", "/?q=1")]
    public void Target_AbsoluteForm_OverridesHost(string target, string authority, string path)
    {
        HeaderMap map = Parse($"GET {target} HTTP/1.1\r\nHost: other\r\n\r\n", out Http1Error? error);
        Assert.Null(error);
        Assert.Equal(authority, Text(map[WellKnownHeader.Authority]));
        Assert.Equal(path, Text(map[WellKnownHeader.Path]));
    }

    [Theory]
    [InlineData("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("no version", "GET /\r\nHost: a\r\n\r\n")]
    [InlineData("version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n")]
    [InlineData("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n")]
    [InlineData("folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n")]
    [InlineData("leading fold", "GET / HTTP/1.1\r\n Host: a\r\n\r\n")]
    [InlineData("empty name", "GET / HTTP/1.1\r\n: a\r\n\r\n")]
    [InlineData("NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n")]
    [InlineData("bare CR in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n")]
    [InlineData("bare LF in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n")]
    [InlineData("DEL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n")]
    [InlineData("control in name", "GET / HTTP/1.1\r\nHost: a\r\nX\x01: a\r\n\r\n")]
    [InlineData("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("control in target", "GET /a\x02 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("fragment in the target's host", "GET http://h#x/ HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("fragment in CONNECT", "CONNECT a#b:80 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("slash in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")]
    [InlineData("fragment in Host", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n")]
    [InlineData("list in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [InlineData("no ASCII in Host", "GET / HTTP/1.1\r\nHost: \u00e9\r\n\r\n")]
    [InlineData("userinfo in target", "GET http://u@h/ HTTP/1.1\r\nHost: a\r\n\r\n")]
    public void Head_Hostile_IsRefused(string label, string head)
    {
        Parse(head, out Http1Error? error);
        Assert.True(error is not null, label);
    }

    [Theory]
    [InlineData("both", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "http1.content_length_and_chunked_not_allowed")]
    [InlineData("two lengths", "Content-Length: 3\r\nContent-Length: 3\r\n", "http1.codec_error")]
    [InlineData("length list", "Content-Length: 3, 3\r\n", "http1.codec_error")]
    [InlineData("signed length", "Content-Length: +3\r\n", "http1.codec_error")]
    [InlineData("huge length", "Content-Length: 99999999999999999999\r\n", "http1.codec_error")]
    [InlineData("empty length", "Content-Length: \r\n", "http1.codec_error")]
    [InlineData("gzip", "Transfer-Encoding: gzip, chunked\r\n", "http1.invalid_transfer_encoding")]
    [InlineData("twice chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "http1.invalid_transfer_encoding")]
    [InlineData("quoted", "Transfer-Encoding: \"chunked\"\r\n", "http1.invalid_transfer_encoding")]
    public void Framing_Ambiguous_IsRefused(string label, string fields, string details)
    {
        HeaderMap map = Parse($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n", out Http1Error? error);
        Assert.Null(error);
        Http1Error? framing = MessageFraming.OfRequest(map, HttpProtocol.Http11, Http1Limits.Request, out _, out _);
        Assert.True(framing?.Details == details, label);
    }

    [Fact]
    public void Headers_AboveLimit_AreRefused()
    {
        string fields = string.Concat(Enumerable.Range(0, 101).Select(i => $"x-{i}: v\r\n"));
        Parse($"GET / HTTP/1.1\r\n{fields}\r\n", out Http1Error? error);
        Assert.Equal(Http1Error.TooManyHeaders, error);
    }

    [Fact]
    public void Scanner_SplitAtEveryOffset_FindsTheSameEnd()
    {
        byte[] bytes = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest");
        for (int split = 0; split <= bytes.Length; split++)
        {
            var scanner = new HeadScanner();
            int first = scanner.Scan(bytes.AsSpan(0, split), out bool bare);
            Assert.False(bare);
            Assert.Equal(27, first > 0 ? first : scanner.Scan(bytes, out bare));
            Assert.False(bare);
        }
    }

    [Fact]
    public void Scanner_BareLineFeed_IsSeenAtOnce()
    {
        var scanner = new HeadScanner();
        Assert.Equal(0, scanner.Scan("GET / HTTP/1.1\n"u8, out bool bare));
        Assert.True(bare);
    }

    private static HeaderMap Parse(string head, out Http1Error? error)
    {
        var map = new HeaderMap();
        error = RequestHeadParser.Parse(Encoding.Latin1.GetBytes(head), map, Http1Limits.Request, out _, out _);
        return map;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
