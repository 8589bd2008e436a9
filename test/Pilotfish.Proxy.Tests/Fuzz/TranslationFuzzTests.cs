using System.Globalization;
using System.Text;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// Clients and servers of different versions: whatever a client writes, each request that reaches the server is one that the client sent
/// (method, path, authority, end-to-end fields, body), none reaches it twice, and each one that was sent whole is answered.
/// </summary>
public sealed class TranslationFuzzTests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private static readonly string[] s_names =
    [
        "host", "content-length", "transfer-encoding", "connection", "te", "cookie", "x-a", "x_b", "X-Upper", "upgrade", "keep-alive",
        "proxy-connection", "trailer", "x-a\r\nx-b", "x a", "", "x:", ":status", ":x", "accept", "x-forwarded-host", "authorization",
    ];

    private static readonly string[] s_values =
    [
        "", "a", "chunked", "0", "4", "5", "-1", "+4", "4, 4", "4\r\n", "trailers", "gzip, chunked", "a\r\nx-smuggled: 1", "a\nb", "a\0b", " lead", "tail\t",
        "close", "x-a", "b.example", "\u00e9", "h2c", "q=\"1\"",
    ];

    private static readonly string[] s_paths = ["/", "/p?q=1", "*", "", "p", "/a b", "/a\r\nGET /evil", "//x", "/..%2f", "/#f", "http://b.example/p", "/\u00e9"];

    private static readonly Mutator s_http1 = new(
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbodyGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nGET /e HTTP/1.1\r\nHost: b\r\nCookie: x=1\r\n\r\n",
        "PUT /f HTTP/1.1\r\nHost: a\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n1\r\nb\r\n0\r\nX-T: 1\r\n\r\n",
        "GET http://h.example/g HTTP/1.1\r\nHost: other\r\n\r\nHEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /i HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n",
        "POST /j HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /k HTTP/1.1\r\nHost: a\r\n\r\n");

    internal static FuzzTarget Http2ToHttp1 { get; } = new("h2-to-h1", MakeFrames, static (input, random) => PlayHttp2Client(input, random.Next(input.Length + 1)));

    internal static FuzzTarget Http1ToHttp2 { get; } = new("h1-to-h2", s_http1.Make, static (input, random) => PlayHttp1Client(input, random.Next(input.Length + 1)));

    [Fact]
    public void Http2Client_Http1Server_EachRequestIsOneThatWasSent() => FuzzRun.Run(Http2ToHttp1);

    [Fact]
    public void Http1Client_Http2Server_EachRequestIsOneThatWasSent() => FuzzRun.Run(Http1ToHttp2);

    private static void PlayHttp2Client(byte[] input, int split) => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        var backend = new SlowBackend(loop, isHttp2: false);
        ProxyBench bench = Serve(loop, backend, new HttpProtocolOptions { ExplicitHttpConfig = new() { HttpProtocolOptions = new() } });
        SortedDictionary<int, SlowStream> sent = SlowHttp2.Read(input).Streams;
        TestClient client = bench.Connect();
        var received = new List<byte>();
        Task reading = ReadToEndAsync(client.Stream, received);
        await client.Stream.SendAsync(Encoding.Latin1.GetBytes(Preface));
        await client.Stream.SendAsync(input.AsMemory(0, split));
        await loop.YieldAsync();
        await client.Stream.SendAsync(input.AsMemory(split));

        await loop.UntilAsync(() => reading.IsCompleted || IsAnswered(SlowHttp2.Read(received.ToArray())));

        Match([.. sent.Values.Select(AsHttp1ServerMaySeeIt)], backend.Requests, inOrder: false);
        await EndAsync(loop, bench, backend, client);

        bool IsAnswered(SlowHttp2 answers) => answers.HasGoAway || sent.All(one =>
            !one.Value.IsEnded || one.Value.Fields is null || one.Value.IsReset
            || (answers.Streams.TryGetValue(one.Key, out SlowStream? answer) && (answer.IsReset || answer.Fields is not null)));
    });

    private static void PlayHttp1Client(byte[] input, int split) => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        var backend = new SlowBackend(loop, isHttp2: true);
        ProxyBench bench = Serve(loop, backend, new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } });
        SlowRequest[] sent = [.. SlowRequest.ReadAll(Encoding.Latin1.GetString(input)).Select(static one => one.Request)];
        TestClient client = bench.Connect();
        var received = new List<byte>();
        Task reading = ReadToEndAsync(client.Stream, received);
        await client.Stream.SendAsync(input.AsMemory(0, split));
        await loop.YieldAsync();
        await client.Stream.SendAsync(input.AsMemory(split));
        await loop.UntilAsync(() => reading.IsCompleted || CountAnswers(Encoding.Latin1.GetString(received.ToArray()), sent) >= sent.Length);
        await loop.YieldAsync();

        Match(sent, backend.Requests, inOrder: true);
        await EndAsync(loop, bench, backend, client);
    });

    /// <summary>
    /// A request of a known length is whole for an HTTP/1.1 server before its stream ends, and stays so when more than that length comes or the
    /// stream breaks: what is behind the length must not arrive.
    /// </summary>
    private static SlowRequest? AsHttp1ServerMaySeeIt(SlowStream stream)
    {
        string[] lengths = [.. (stream.Fields ?? []).Where(static f => f.Name == "content-length").Select(static f => f.Value).Distinct()];
        SlowRequest? request = SlowRequest.Of(stream);
        return lengths switch
        {
            [] => stream.IsEnded ? request : null,
            [var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes) && bytes <= request?.Body.Length =>
                request with { Body = request.Body[..bytes] },
            _ => null,
        };
    }

    /// <summary>Each that arrived is another one that was sent.</summary>
    private static void Match(IReadOnlyList<SlowRequest?> sent, IReadOnlyList<SlowRequest> arrived, bool inOrder)
    {
        var left = new List<SlowRequest?>(sent);
        foreach (SlowRequest request in arrived)
        {
            int at = left.IndexOf(request);
            Assert.True(at >= 0, $"{request} arrived, but sent were {string.Join(" | ", sent)}");
            left.RemoveRange(inOrder ? 0 : at, inOrder ? at + 1 : 1);
        }
    }

    private static ProxyBench Serve(EventLoop loop, SlowBackend backend, HttpProtocolOptions options)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", options, backend.Address);
        bench.Serve(static hcm => { hcm.HttpFilters.RemoveAt(0); hcm.AccessLog.Clear(); });
        return bench;
    }

    private static async Task EndAsync(EventLoop loop, ProxyBench bench, SlowBackend backend, TestClient client)
    {
        client.Stream.Close();
        backend.Dispose();
        await loop.UntilAsync(() => bench.AllConnectionsFinished);
    }

    private static async Task ReadToEndAsync(IByteStream stream, List<byte> into)
    {
        byte[] buffer = new byte[16 * 1024];
        while (await stream.ReceiveAsync(buffer) is { IsOk: true, IsEnd: false } result)
        {
            into.AddRange(buffer.AsSpan(0, result.Bytes));
        }
    }

    /// <summary>Responses but 1xx; those to HEAD have no body.</summary>
    private static int CountAnswers(string text, SlowRequest[] sent)
    {
        int count = 0;
        for (int length; (length = SlowHttp.HeadLength(text)) > 0;)
        {
            string head = text[..length];
            bool isFinal = SlowHttp.StatusLineOf(head).Groups[2].Value is not ['1', ..];
            bool hasBody = isFinal && !(count < sent.Length && sent[count].Method == "HEAD");
            string bytes = SlowHttp.Fields(head)!.Find(static field => field.Name == "content-length").Value ?? "0";
            text = text[Math.Min(text.Length, length + (hasBody ? int.Parse(bytes, null) : 0))..];
            count += isFinal ? 1 : 0;
        }

        return count;
    }

    private static byte[] MakeFrames(Random random)
    {
        var encoder = new HpackEncoder(huffman: random.Next(2) == 0);
        var bytes = new List<byte>(Http2Peer.Frame(FrameType.SETTINGS, 0, 0));
        int id = 1;
        for (int i = random.Next(1, 4); i > 0; i--, id += random.Next(8) == 0 ? 0 : 2)
        {
            string body = random.Next(3) switch { 0 => "", 1 => "body", _ => "GET /evil HTTP/1.1\r\nhost: a\r\n\r\n" };
            bool hasTrailers = random.Next(6) == 0;
            FrameFlags end = body.Length == 0 && !hasTrailers ? FrameFlags.END_STREAM : 0;
            byte[] block = Block(encoder, MakeFields(random));
            int cut = random.Next(4) == 0 ? random.Next(block.Length + 1) : block.Length;
            bytes.AddRange(Http2Peer.Frame(FrameType.HEADERS, (cut == block.Length ? FrameFlags.END_HEADERS : 0) | end, id, block[..cut]));
            if (cut < block.Length)
            {
                bytes.AddRange(Http2Peer.Frame(FrameType.CONTINUATION, FrameFlags.END_HEADERS, id, block[cut..]));
            }

            if (body.Length > 0)
            {
                bytes.AddRange(Http2Peer.Frame(
                    FrameType.DATA, hasTrailers || random.Next(8) == 0 ? 0 : FrameFlags.END_STREAM, id, Encoding.Latin1.GetBytes(body)));
            }

            if (hasTrailers)
            {
                bytes.AddRange(Http2Peer.Frame(
                    FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, id,
                    Block(encoder, [(Pick(s_names, random), Pick(s_values, random))])));
            }
        }

        for (int i = random.Next(4) == 0 ? random.Next(4) : 0; i > 0; i--)
        {
            bytes[random.Next(bytes.Count)] = (byte)random.Next(256);
        }

        return [.. bytes];
    }

    private static List<(string Name, string Value)> MakeFields(Random random)
    {
        // Near-valid: most requests have one thing wrong, or nothing.
        var fields = new List<(string, string)>
        {
            (":method", random.Next(8) == 0 ? Pick(["CONNECT", "get", "", "G ET", "HEAD", "OPTIONS"], random) : random.Next(2) == 0 ? "GET" : "POST"),
            (":scheme", random.Next(16) == 0 ? Pick(s_values, random) : "http"),
            (":path", random.Next(4) == 0 ? Pick(s_paths, random) : "/p"),
            (":authority", random.Next(8) == 0 ? Pick(s_values, random) : "a"),
        };
        for (int i = random.Next(4); i > 0; i--)
        {
            string name = random.Next(2) == 0 ? Pick(["x-a", "cookie", "accept", "x-b"], random) : Pick(s_names, random);
            fields.Insert(random.Next(8) == 0 ? random.Next(fields.Count + 1) : fields.Count, (name, Pick(s_values, random)));
        }

        if (random.Next(10) == 0)
        {
            fields.RemoveAt(random.Next(fields.Count));
        }

        return fields;
    }

    private static byte[] Block(HpackEncoder encoder, List<(string Name, string Value)> fields)
    {
        byte[] block = new byte[4096];
        int at = encoder.Begin(block);
        foreach ((string name, string value) in fields)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(name);
            at += encoder.Field(block.AsSpan(at), WellKnownHeaders.Find(bytes), bytes, Encoding.Latin1.GetBytes(value));
        }

        return block[..at];
    }

    private static string Pick(string[] from, Random random) => from[random.Next(from.Length)];
}
