using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Filters.Http.Compressor.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using CompressorMessage = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor;
using Responses = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor.Types.ResponseDirectionConfig;

namespace Pilotfish.Proxy.Tests.Filters.Compressor;

public sealed class CompressorFilterTests
{
    private const string AcceptGzip = "Accept-Encoding: gzip\r\n";

    public static TheoryData<string, string> Libraries => new()
    {
        { "gzip", "default" }, { "gzip", "fastest" }, { "gzip", "best" }, { "gzip", "huffman" },
        { "br", "default" }, { "br", "least" }, { "br", "most" },
    };

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Response_IsCompressed_AndSaysSo(string encoding, string options) => LoopRunner.Run(async loop =>
    {
        TypedExtensionConfig library = options switch
        {
            "fastest" => CompressorBench.Gzip(new Gzip { CompressionLevel = Gzip.Types.CompressionLevel.BestSpeed }),
            "best" => CompressorBench.Gzip(new Gzip { CompressionLevel = Gzip.Types.CompressionLevel.BestCompression }),
            "huffman" => CompressorBench.Gzip(new Gzip { CompressionStrategy = Gzip.Types.CompressionStrategy.HuffmanOnly }),
            "least" => CompressorBench.Brotli(new Brotli { Quality = 0, WindowBits = 10 }),
            "most" => CompressorBench.Brotli(new Brotli { Quality = 11, WindowBits = 24 }),
            _ => encoding == "gzip" ? CompressorBench.Gzip() : CompressorBench.Brotli(),
        };
        using var bench = new CompressorBench(loop, [CompressorBench.Of(library)]);
        string head = await bench.GetAsync($"Accept-Encoding: {encoding}\r\n", CompressorBench.Answer("Content-Type: text/plain\r\n"));
        Assert.Contains($"content-encoding: {encoding}\r\n", head);
        Assert.Contains("transfer-encoding: chunked\r\n", head);
        Assert.Contains("vary: Accept-Encoding\r\n", head);
        Assert.DoesNotContain("content-length", head);
        byte[] body = await CompressorBench.ReadChunksAsync(bench.Client);
        Assert.Equal(CompressorBench.Text, CompressorBench.Decode(encoding, body));
        Assert.True(body.Length < CompressorBench.Text.Length, $"{body.Length} bytes");

        string prefix = encoding == "gzip" ? "gz.gzip" : "bro.brotli";
        Assert.Equal(1, bench.Counter($"{prefix}.response.compressed"));
        Assert.Equal(0, bench.Counter($"{prefix}.response.not_compressed"));
        Assert.Equal(CompressorBench.Text.Length, bench.Counter($"{prefix}.response.total_uncompressed_bytes"));
        Assert.Equal(body.Length, bench.Counter($"{prefix}.response.total_compressed_bytes"));
        Assert.Equal(1, bench.Counter($"{prefix}.request.not_compressed"));
        Assert.Equal(1, bench.Counter($"{prefix}.header_compressor_used"));
    });

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public void Pieces_CanBeReadAsTheyCome_AndTrailersFollow(string encoding) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(encoding == "gzip" ? CompressorBench.Gzip() : CompressorBench.Brotli())]);
        await bench.GetAsync($"Accept-Encoding: {encoding}\r\nTE: trailers\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        byte[] first = await CompressorBench.ReadChunkAsync(bench.Client);
        Assert.Equal("one", CompressorBench.Decode(encoding, first));

        TestClient server = await bench.ServerAsync();
        await server.SendAsync("3\r\ntwo\r\n");
        byte[] second = [.. first, .. await CompressorBench.ReadChunkAsync(bench.Client)];
        Assert.Equal("onetwo", CompressorBench.Decode(encoding, second));

        await server.SendAsync("0\r\nx-sum: 6\r\n\r\n");
        byte[] all = [.. second, .. await CompressorBench.ReadChunksAsync(bench.Client)];
        Assert.Equal("onetwo", CompressorBench.Decode(encoding, all));
        Assert.True(all.Length > second.Length, "the body has no end");
        Assert.Equal("x-sum: 6\r\n\r\n", await bench.Client.ReadUntilAsync("\r\n\r\n"));
    });

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public void BodyOfNothing_IsOneOfTheEncoding(string encoding) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(encoding == "gzip" ? CompressorBench.Gzip() : CompressorBench.Brotli())]);
        string head = await bench.GetAsync($"Accept-Encoding: {encoding}\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        Assert.Contains($"content-encoding: {encoding}\r\n", head);
        byte[] body = await CompressorBench.ReadChunksAsync(bench.Client);
        Assert.NotEmpty(body);
        Assert.Equal("", CompressorBench.Decode(encoding, body));
    });

    [Fact]
    public void LargeBody_IsWhole() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Brotli())]);
        var random = new Random(7);
        byte[] noise = new byte[300_000];
        random.NextBytes(noise);
        string text = Encoding.Latin1.GetString(noise);
        Task<string> heads = bench.GetAsync("Accept-Encoding: br\r\n", CompressorBench.Answer("Content-Type: text/plain\r\n", text));
        await heads;
        byte[] body = await CompressorBench.ReadChunksAsync(bench.Client);
        Assert.Equal(text, CompressorBench.Decode("br", body));
    });

    public static TheoryData<string, string, bool, bool> Untouched => new()
    {
        { "compressible", CompressorBench.Answer("Content-Type: text/plain\r\n"), true, true },
        { "type with parameters", CompressorBench.Answer("Content-Type: Text/HTML ; charset=utf-8\r\n"), true, true },
        { "no type", CompressorBench.Answer(), true, true },
        { "other type", CompressorBench.Answer("Content-Type: image/png\r\n"), false, false },
        { "30 bytes", CompressorBench.Answer("", new string('a', 30)), true, true },
        { "29 bytes", CompressorBench.Answer("", new string('a', 29)), false, false },
        { "encoded already", CompressorBench.Answer("Content-Encoding: br\r\n"), false, false },
        { "not to be changed", CompressorBench.Answer("Cache-Control: max-age=1, No-Transform\r\n"), false, false },
        { "other cache-control", CompressorBench.Answer("Cache-Control: no-transforms\r\n"), true, true },
    };

    [Theory]
    [MemberData(nameof(Untouched))]
    public void Response_IsCompressed_OnlyWhenItMayBe(string label, string answer, bool compressed, bool varies) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())]);
        string head = await bench.GetAsync(AcceptGzip, answer);
        Assert.True(head.Contains("content-encoding: gzip\r\n") == compressed, $"{label}: {head}");
        Assert.True(head.Contains("vary: ") == varies, $"{label}: {head}");
        Assert.Equal(compressed ? 1 : 0, bench.Counter("gz.gzip.response.compressed"));
        Assert.Equal(compressed ? 0 : 1, bench.Counter("gz.gzip.response.not_compressed"));
        Assert.Equal(label == "29 bytes" ? 1 : 0, bench.Counter("gz.gzip.response.content_length_too_small"));
    });

    // A cache must know that others may get it compressed.
    [Theory]
    [InlineData("", "", "no_accept_header")]
    [InlineData("Accept-Encoding: br\r\n", "", "header_not_valid")]
    [InlineData("Accept-Encoding: identity\r\n", "", "header_identity")]
    [InlineData("Accept-Encoding: br\r\n", "Vary: Origin\r\n", "header_not_valid")]
    [InlineData("Accept-Encoding: br\r\n", "Vary: Origin, accept-encoding\r\n", "header_not_valid")]
    public void UncompressedResponse_VariesToo(string accepts, string headers, string counter) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())]);
        string head = await bench.GetAsync(accepts, CompressorBench.Answer(headers));
        string varies = headers.Length == 0 ? "vary: Accept-Encoding\r\n"
            : headers.Contains("accept") ? "vary: Origin, accept-encoding\r\n"
            : "vary: Origin, Accept-Encoding\r\n";
        Assert.Contains(varies, head);
        Assert.Contains($"content-length: {CompressorBench.Text.Length}\r\n", head);
        Assert.Equal(CompressorBench.Text, await bench.Client.ReadBytesAsync(CompressorBench.Text.Length));
        Assert.Equal(1, bench.Counter($"gz.gzip.{counter}"));
    });

    [Fact]
    public void ResponseToHead_StaysAsItIs() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())]);
        string head = await bench.GetAsync(AcceptGzip, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "HEAD");
        Assert.Contains("content-length: 500\r\n", head);
        Assert.Contains("vary: Accept-Encoding\r\n", head);
        Assert.DoesNotContain("content-encoding", head);
    });

    [Theory]
    [InlineData("\"abc\"", false, true, null)]
    [InlineData("W/\"abc\"", false, true, "W/\"abc\"")]
    [InlineData("w/\"abc\"", false, true, "w/\"abc\"")]
    [InlineData("\"abc\"", true, false, "\"abc\"")]
    [InlineData("W/\"abc\"", true, false, "W/\"abc\"")]
    public void Etag_IsNotOfOtherBytes(string tag, bool disables, bool compressed, string? kept) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip(), new Responses { DisableOnEtagHeader = disables })]);
        string head = await bench.GetAsync(AcceptGzip, CompressorBench.Answer($"ETag: {tag}\r\n"));
        Assert.Equal(compressed, head.Contains("content-encoding: gzip\r\n"));
        Assert.Equal(kept is not null, head.Contains("etag: "));
        Assert.Contains(kept is null ? "" : $"etag: {kept}\r\n", head);
        Assert.Equal(disables ? 1 : 0, bench.Counter("gz.gzip.not_compressed_etag"));
    });

    [Fact]
    public void Config_OfResponses_IsHeeded() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop,
        [
            CompressorBench.Of(CompressorBench.Gzip(), new Responses
            {
                CommonConfig = new CompressorMessage.Types.CommonDirectionConfig { MinContentLength = 5, ContentType = { "text/mine" } },
                UncompressibleResponseCodes = { 206, 201 },
            }),
        ]);
        Assert.Contains("content-encoding", await bench.GetAsync(AcceptGzip, CompressorBench.Answer("Content-Type: text/mine\r\n", "12345")));
        await CompressorBench.ReadChunksAsync(bench.Client);
        await bench.Client.ReadUntilAsync("\r\n");
        foreach (string answer in new[]
        {
            CompressorBench.Answer("Content-Type: text/mine\r\n", "1234"),
            CompressorBench.Answer("Content-Type: text/plain\r\n", "12345"),
            CompressorBench.Answer("Content-Type: text/mine\r\n", "12345", "201 Created"),
            CompressorBench.Answer("Content-Type: text/mine\r\n", "12345", "206 Partial Content"),
        })
        {
            string head = await bench.GetAsync(AcceptGzip, answer);
            Assert.DoesNotContain("content-encoding", head);
            Assert.DoesNotContain("vary", head);
            await bench.Client.ReadBytesAsync(answer.EndsWith("12345", StringComparison.Ordinal) ? 5 : 4);
        }
    });

    // Only where the newer message is absent; statistics have no word of the direction then.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OlderFields_CountWithoutTheNewer(bool newer) => LoopRunner.Run(async loop =>
    {
        var message = new CompressorMessage
        {
            CompressorLibrary = CompressorBench.Gzip(), ContentLength = 1, ContentType = { "text/mine" }, DisableOnEtagHeader = true,
            RemoveAcceptEncodingHeader = true, ResponseDirectionConfig = newer ? new Responses() : null,
        };
        using var bench = new CompressorBench(loop, [message]);
        string head = await bench.GetAsync(AcceptGzip, CompressorBench.Answer("Content-Type: text/mine\r\n", "1"));
        Assert.Equal(!newer, head.Contains("content-encoding"));
        Assert.Equal(newer, bench.RequestHead.Contains("accept-encoding"));
        Assert.Equal(1, bench.Counter(newer ? "gz.gzip.response.not_compressed" : "gz.gzip.compressed"));
    });

    [Fact]
    public void OlderSwitch_TurnsItOff_AndEtagIsHeeded() => LoopRunner.Run(async loop =>
    {
        var off = new CompressorMessage { CompressorLibrary = CompressorBench.Gzip(), RuntimeEnabled = new RuntimeFeatureFlag { DefaultValue = false } };
        using (var bench = new CompressorBench(loop, [off]))
        {
            Assert.DoesNotContain("vary", await bench.GetAsync(AcceptGzip, CompressorBench.Answer()));
            Assert.Equal(0, bench.Counter("gz.gzip.header_compressor_used"));
        }

        using var tagged = new CompressorBench(loop, [new CompressorMessage { CompressorLibrary = CompressorBench.Gzip(), DisableOnEtagHeader = true }]);
        Assert.DoesNotContain("content-encoding", await tagged.GetAsync(AcceptGzip, CompressorBench.Answer("ETag: \"a\"\r\n")));
        Assert.Equal(1, tagged.Counter("gz.gzip.not_compressed_etag"));
    });

    public static TheoryData<string, bool, IMessage?, bool> Switches => new()
    {
        { "on", true, null, true },
        { "off", false, null, false },
        { "disabled by the route", true, new CompressorPerRoute { Disabled = true }, false },
        { "enabled by the route", false, new CompressorPerRoute { Overrides = new() { ResponseDirectionConfig = new() } }, true },
        { "route that says nothing", false, new CompressorPerRoute { Overrides = new() }, false },
    };

    [Theory]
    [MemberData(nameof(Switches))]
    public void Switches_Decide(string label, bool enabled, IMessage? perRoute, bool compressed) => LoopRunner.Run(async loop =>
    {
        var responses = new Responses { CommonConfig = new() { Enabled = new RuntimeFeatureFlag { DefaultValue = enabled } } };
        using var bench = new CompressorBench(
            loop, [CompressorBench.Of(CompressorBench.Gzip(), responses)], route => AddPerRoute(route, perRoute));
        string head = await bench.GetAsync(AcceptGzip, CompressorBench.Answer());
        Assert.True(head.Contains("content-encoding: gzip\r\n") == compressed, $"{label}: {head}");
        Assert.True(head.Contains("vary") == compressed, $"{label}: {head}");
    });

    [Theory]
    [InlineData(true, null, true, false)]
    [InlineData(true, false, true, true)]
    [InlineData(false, true, true, false)]
    [InlineData(true, null, false, true)]
    public void AcceptEncoding_IsTakenFromTheRequest_WhereAsked(bool chain, bool? ofRoute, bool enabled, bool kept) => LoopRunner.Run(async loop =>
    {
        var responses = new Responses
        {
            RemoveAcceptEncodingHeader = chain, CommonConfig = new() { Enabled = new RuntimeFeatureFlag { DefaultValue = enabled } },
        };
        IMessage? perRoute = ofRoute is null ? null : new CompressorPerRoute
        {
            Overrides = new() { ResponseDirectionConfig = new() { RemoveAcceptEncodingHeader = ofRoute } },
        };
        using var bench = new CompressorBench(
            loop, [CompressorBench.Of(CompressorBench.Gzip(), responses)], route => AddPerRoute(route, perRoute));
        string head = await bench.GetAsync(AcceptGzip, CompressorBench.Answer());
        Assert.Equal(kept, bench.RequestHead.Contains("accept-encoding: gzip\r\n"));
        Assert.Equal(enabled, head.Contains("content-encoding: gzip\r\n"));
    });

    [Fact]
    public void Route_MayHaveALibraryOfItsOwn() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())], static route => AddPerRoute(
            route, new CompressorPerRoute { Overrides = new() { CompressorLibrary = CompressorBench.Brotli() } }));
        Assert.Contains("content-encoding: br\r\n", await bench.GetAsync("Accept-Encoding: gzip, br;q=0.1\r\n", CompressorBench.Answer()));
        Assert.Equal(CompressorBench.Text, CompressorBench.Decode("br", await CompressorBench.ReadChunksAsync(bench.Client)));
    });

    [Theory]
    [InlineData("200 OK", "", 50, "gzip;Compressed;OriginalLength=50")]
    [InlineData("200 OK", "", 20, "gzip;ContentLengthTooSmall")]
    [InlineData("200 OK", "Content-Type: image/png\r\n", 50, "gzip;ContentTypeNotAllowed")]
    [InlineData("200 OK", "ETag: \"a\"\r\n", 50, "gzip;EtagNotAllowed")]
    [InlineData("206 Partial Content", "", 50, "gzip;StatusCodeNotAllowed")]
    [InlineData("200 OK", "x-envoy-compression-status: br;ContentTypeNotAllowed\r\n", 50, "br;ContentTypeNotAllowed,gzip;Compressed;OriginalLength=50")]
    [InlineData("200 OK", "Content-Encoding: br\r\n", 50, null)]
    public void Status_IsTold_WhereAsked(string status, string headers, int length, string? told) => LoopRunner.Run(async loop =>
    {
        var responses = new Responses { StatusHeaderEnabled = true, DisableOnEtagHeader = true, UncompressibleResponseCodes = { 206 } };
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip(), responses)]);
        string head = await bench.GetAsync(AcceptGzip, CompressorBench.Answer(headers, new string('a', length), status));
        Assert.Contains(told is null ? "" : $"x-envoy-compression-status: {told}\r\n", head);
        Assert.Equal(told is not null, head.Contains("compression-status"));
        Assert.Equal(told?.Contains("Compressed") == true, head.Contains("content-encoding: gzip"));
    });

    [Fact]
    public void Request_IsCompressed_WhereAsked() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(
            loop, [new CompressorMessage { CompressorLibrary = CompressorBench.Gzip(), RequestDirectionConfig = new() }]);
        TestClient client = bench.Connect();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {CompressorBench.Text.Length}\r\n\r\n{CompressorBench.Text}");
        TestClient server = await bench.ServerAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("content-encoding: gzip\r\n", head);
        Assert.DoesNotContain("content-length", head);
        byte[] body = await CompressorBench.ReadChunksAsync(server);
        await server.ReadUntilAsync("\r\n");
        Assert.Equal(CompressorBench.Text, CompressorBench.Decode("gzip", body));
        Assert.Equal(1, bench.Counter("gz.gzip.request.compressed"));
        Assert.Equal(body.Length, bench.Counter("gz.gzip.request.total_compressed_bytes"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await client.ReadHeadAsync();

        // With trailers the body ends before them.
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nx-sum: 3\r\n\r\n");
        await server.ReadHeadAsync();
        Assert.Equal("one", CompressorBench.Decode("gzip", await CompressorBench.ReadChunksAsync(server)));
        Assert.Equal("x-sum: 3\r\n\r\n", await server.ReadUntilAsync("\r\n\r\n"));
    });

    [Theory]
    [InlineData("Content-Length: 29\r\n", 29)]
    [InlineData("Content-Length: 30\r\nContent-Encoding: br\r\n", 30)]
    [InlineData("Content-Length: 30\r\nContent-Type: image/png\r\n", 30)]
    [InlineData("Content-Length: 0\r\n", 0)]
    public void Request_ThatIsNotWorthIt_StaysAsItIs(string headers, int length) => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(
            loop, [new CompressorMessage { CompressorLibrary = CompressorBench.Gzip(), RequestDirectionConfig = new() }]);
        await bench.Connect().SendAsync($"POST / HTTP/1.1\r\nHost: h\r\n{headers}\r\n{new string('a', length)}");
        TestClient server = await bench.ServerAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains($"content-length: {length}\r\n", head);
        Assert.DoesNotContain("content-encoding: gzip", head);
        Assert.Equal(1, bench.Counter("gz.gzip.request.not_compressed"));
        Assert.Equal(length == 29 ? 1 : 0, bench.Counter("gz.gzip.request.content_length_too_small"));
    });

    [Fact]
    public void ReplyOfTheProxyItself_IsCompressedToo() => LoopRunner.Run(async loop =>
    {
        using var bench = new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())], static route =>
            route.DirectResponse = new DirectResponseAction { Status = 200, Body = new DataSource { InlineString = CompressorBench.Text } });
        TestClient client = bench.Connect();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\n{AcceptGzip}\r\n");
        Assert.Contains("content-encoding: gzip\r\n", await client.ReadHeadAsync());
        Assert.Equal(CompressorBench.Text, CompressorBench.Decode("gzip", await CompressorBench.ReadChunksAsync(client)));
    });

    public static TheoryData<string, CompressorMessage, string> Refusals => new()
    {
        { "no library", new CompressorMessage(), "compressor_library" },
        { "no name", new CompressorMessage { CompressorLibrary = new() { TypedConfig = Any.Pack(new Gzip()) } }, "compressor_library.name" },
        { "other library", new CompressorMessage { CompressorLibrary = new() { Name = "a", TypedConfig = Any.Pack(new Duration()) } }, "compressor_library" },
        { "level", CompressorBench.Of(CompressorBench.Gzip(new Gzip { CompressionLevel = (Gzip.Types.CompressionLevel)10 })), "compressor_library.typed_config.compression_level" },
        { "quality", CompressorBench.Of(CompressorBench.Brotli(new Brotli { Quality = 12 })), "compressor_library.typed_config.quality" },
        { "window", CompressorBench.Of(CompressorBench.Brotli(new Brotli { WindowBits = 9 })), "compressor_library.typed_config.window_bits" },
        { "code", CompressorBench.Of(CompressorBench.Gzip(), new Responses { UncompressibleResponseCodes = { 199 } }), "response_direction_config.uncompressible_response_codes" },
        { "codes", CompressorBench.Of(CompressorBench.Gzip(), new Responses { UncompressibleResponseCodes = { 206, 206 } }), "response_direction_config.uncompressible_response_codes" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Config_ThatCannotBe_IsRefusedByField(string label, CompressorMessage message, string field) => LoopRunner.Run(loop =>
    {
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => new CompressorBench(loop, [message]));
        Assert.True(rejected.Field.EndsWith($".{field}", StringComparison.Ordinal), $"{label}: {rejected.Field}");
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("neither")]
    [InlineData("not disabled")]
    [InlineData("the chain's message")]
    public void RouteConfig_ThatCannotBe_IsRefused(string which) => LoopRunner.Run(loop =>
    {
        IMessage config = which switch
        {
            "neither" => new CompressorPerRoute(),
            "not disabled" => new CompressorPerRoute { Disabled = false },
            _ => CompressorBench.Of(CompressorBench.Gzip()),
        };
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() =>
            new CompressorBench(loop, [CompressorBench.Of(CompressorBench.Gzip())], route => AddPerRoute(route, config)));
        Assert.Equal("route_config.virtual_hosts[0].routes[0].typed_per_filter_config['compressor']", rejected.Field);
        return Task.CompletedTask;
    });

    private static void AddPerRoute(Route route, IMessage? config)
    {
        if (config is not null)
        {
            CompressorBench.PerRoute(route, config);
        }
    }
}
