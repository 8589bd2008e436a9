using System.Text.RegularExpressions;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// Requests whose end two parsers could see in different places. Each is refused as Envoy refuses it, the connection ends, and no
/// byte of what follows is taken for a request, however the bytes are cut.
/// </summary>
public sealed partial class SmugglingTests
{
    private const string Evil = "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n";
    private const string Codec = "http1.codec_error";
    private const string Coding = "http1.invalid_transfer_encoding";
    private const string Both = "http1.content_length_and_chunked_not_allowed";
    private const string Characters = "http1.invalid_characters";

    public static TheoryData<string, string, int, string> Heads() => new()
    {
        { "CL then TE", Post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400, Both },
        { "TE then CL", Post("Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"), 400, Both },
        { "two lengths that differ", Post("Content-Length: 0\r\nContent-Length: 35", ""), 400, Codec },
        { "two lengths alike", Post("Content-Length: 0\r\nContent-Length: 0", ""), 400, Codec },
        { "list of lengths", Post("Content-Length: 0, 35", ""), 400, Codec },
        { "signed length", Post("Content-Length: +0", ""), 400, Codec },
        { "negative length", Post("Content-Length: -1", ""), 400, Codec },
        { "hexadecimal length", Post("Content-Length: 0x0", ""), 400, Codec },
        { "length with a blank inside", Post("Content-Length: 0 0", ""), 400, Codec },
        { "length beyond 64 bits", Post("Content-Length: 18446744073709551616", ""), 400, Codec },
        { "empty length", Post("Content-Length:", ""), 400, Codec },
        { "chunked twice", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 501, Coding },
        { "chunked then identity", Post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"), 501, Coding },
        { "identity", Post("Transfer-Encoding: identity", ""), 501, Coding },
        { "misspelt coding", Post("Transfer-Encoding: xchunked", "0\r\n\r\n"), 501, Coding },
        { "vertical tab before coding", Post("Transfer-Encoding: \vchunked", "0\r\n\r\n"), 400, Characters },
        { "blank before colon", Post("Transfer-Encoding : chunked", "0\r\n\r\n"), 400, Codec },
        { "tab before colon", Post("Content-Length\t: 4", ""), 400, Codec },
        { "bare LF lines", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n" + Evil, 400, Codec },
        { "bare LF ends one header", "POST / HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n" + Evil, 400, Characters },
        { "bare CR inside a value", Post("X: a\rContent-Length: 0", ""), 400, Characters },
        { "folded line", Post("X: 1\r\n Content-Length: 35", ""), 400, Codec },
        { "folded by tab", Post("Transfer-Encoding:\r\n\tchunked", "0\r\n\r\n"), 400, Codec },
        { "NUL in a name", Post("X\0: a", ""), 400, Characters },
        { "NUL in a value", Post("X: a\0", ""), 400, Characters },
        { "control in a value", Post("X: a\u0001", ""), 400, Characters },
        { "DEL in a value", Post("X: a\u007f", ""), 400, Characters },
        { "two hosts", Post("Host: b", ""), 400, Codec },
        { "blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" + Evil, 400, Codec },
        { "blank after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" + Evil, 400, Codec },
        { "version of two digits", "GET / HTTP/1.11\r\nHost: a\r\n\r\n" + Evil, 400, Codec },
        { "tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" + Evil, 400, Codec },
        { "line without a colon", Post("Content-Length", ""), 400, Codec },
    };

    public static TheoryData<string, string> Chunks() => new()
    {
        { "size beyond 64 bits", "10000000000000000\r\nabc\r\n0\r\n\r\n" },
        { "prefix", "0x3\r\nabc\r\n0\r\n\r\n" },
        { "sign", "-3\r\nabc\r\n0\r\n\r\n" },
        { "empty size", "\r\nabc\r\n0\r\n\r\n" },
        { "bare LF after the size", "3\nabc\r\n0\r\n\r\n" },
        { "bare LF after the data", "3\r\nabc\n0\r\n\r\n" },
        { "bare CR after the size", "3\rabc\r\n0\r\n\r\n" },
        { "data longer than its size", "3\r\nabcd\r\n0\r\n\r\n" },
        { "bare LF at the end", "3\r\nabc\r\n0\r\n\n" },
        { "control in an extension", "3;a=\u0001\r\nabc\r\n0\r\n\r\n" },
        { "line feed in an extension", "3;a=\nGET / HTTP/1.1\r\nabc\r\n0\r\n\r\n" },
        { "blank before a trailer's colon", "3\r\nabc\r\n0\r\nA : b\r\n\r\n" },
        { "folded trailer", "3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    public void Head_Ambiguous_IsRefusedAtEverySplitAndNothingGoesUpstream(string label, string bytes, int status, string details) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve();
            string? expected = null;
            for (int split = 0; split <= bytes.Length; split++)
            {
                TestClient client = bench.Connect();
                await client.SendAsync(bytes[..split]);
                await loop.YieldAsync();
                await client.SendAsync(bytes[split..]);
                string all = WithoutDate(await client.ReadToEndAsync());
                client.Stream.Close();
                expected ??= all;
                Assert.True(expected == all, $"{label}, split at {split}: {all}");
                Assert.StartsWith($"HTTP/1.1 {status} ", all);
                Assert.Contains("connection: close\r\n", all);
                Assert.Equal(1, Occurrences(all, "HTTP/1.1 "));
            }

            Assert.Equal(bytes.Length + 1, bench.Logged.Count);
            Assert.Equal([(status, details, "DPE")], bench.Logged.Select(static r => (r.Status, r.Details, r.Flags)).Distinct());
            Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
            await TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        });

    [Theory]
    [MemberData(nameof(Chunks))]
    public void Chunk_Ambiguous_EndsTheRequestAndNothingAfterItGoesUpstream(string label, string body) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        string bytes = body + Evil;
        for (int split = 0; split <= bytes.Length; split++)
        {
            TestClient client = bench.Connect();
            await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await client.SendAsync(bytes[..split]);
            await loop.YieldAsync();
            await client.SendAsync(bytes[split..]);
            string all = await client.ReadToEndAsync();
            client.Stream.Close();
            Assert.True(all.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), $"{label}, split at {split}: {all}");
            Assert.Equal(1, Occurrences(all, "HTTP/1.1 "));
            string forwarded = await server.ReadToEndAsync();
            Assert.DoesNotContain("evil", forwarded);
            Assert.DoesNotContain("0\r\n\r\n", forwarded);
            Assert.True(Occurrences(forwarded, " HTTP/1.1\r\n") <= 1, forwarded);
        }

        Assert.Equal(bytes.Length + 1, bench.Logged.Count);
        Assert.Equal([(400, Codec, "DPE")], bench.Logged.Select(static r => (r.Status, r.Details, r.Flags)).Distinct());
        await TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
    });

    [Fact]
    public void Pipeline_SecondIsAmbiguous_FirstIsAnsweredThenRefusedAndClosed() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET /good HTTP/1.1\r\nHost: a\r\n\r\n" + Post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"));
        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("GET /good ", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        string all = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", all);
        Assert.Contains("\r\n\r\nokHTTP/1.1 400 Bad Request\r\n", all);
        Assert.Equal(2, Occurrences(all, "HTTP/1.1 "));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_total"));
    });

    [Theory]
    [InlineData("in the request line", "GET /x HT")]
    [InlineData("in the headers", "GET /x HTTP/1.1\r\nHost: a\r\nX: ")]
    [InlineData("before the last line feed", "GET /x HTTP/1.1\r\nHost: a\r\n\r")]
    public void Client_ClosesInsideTheHead_NothingGoesUpstream(string place, string bytes) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(bytes);
        client.Stream.ShutdownSend();
        string all = await client.ReadToEndAsync();
        Assert.False(all.StartsWith("HTTP/1.1 2", StringComparison.Ordinal), place + all);
        client.Stream.Close();
        await TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    private static string Post(string fields, string body) => $"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}{Evil}";

    private static int Occurrences(string text, string part) => text.Split(part).Length - 1;

    private static string WithoutDate(string text) => DateLine().Replace(text, "");

    [GeneratedRegex("date: [^\r]*\r\n")]
    private static partial Regex DateLine();
}
