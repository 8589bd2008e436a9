using System.IO.Compression;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Compression.Zstd.Compressor.V3;
using Envoy.Extensions.Filters.Http.Compressor.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.Compressor;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using CompressorMessage = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor;

namespace Pilotfish.Proxy.Tests.Filters.Compressor;

/// <summary>A connection manager whose chain has compressors, and an upstream that answers by hand.</summary>
internal sealed class CompressorBench : IDisposable
{
    /// <summary>Long enough, and smaller when compressed.</summary>
    public static readonly string Text = string.Concat(Enumerable.Repeat("pilotfish ", 20));

    private readonly TestUpstream _upstream;
    private TestClient? _client;
    private TestClient? _server;

    public CompressorBench(EventLoop loop, CompressorMessage[] compressors, Action<Route>? configureRoute = null, Action<HttpConnectionManager>? configure = null)
    {
        _upstream = new TestUpstream(loop);
        Proxy = new ProxyBench(loop);
        var factory = new CompressorFilterFactory();
        Proxy.Context.Extensions.Register<IHttpFilterFactory>(factory);
        Proxy.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        Proxy.AddTrailerCluster("backend", _upstream.Address);
        Proxy.Serve(
            hcm =>
            {
                hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true };
                for (int i = 0; i < compressors.Length; i++)
                {
                    hcm.HttpFilters.Insert(1 + i, ProxyBench.Filter(i == 0 ? "compressor" : $"compressor{i}", compressors[i]));
                }

                configure?.Invoke(hcm);
            },
            configureRoute);
    }

    public ProxyBench Proxy { get; }

    public static TypedExtensionConfig Gzip(Gzip? options = null) => Library("gz", options ?? new Gzip());

    public static TypedExtensionConfig Brotli(Brotli? options = null) => Library("bro", options ?? new Brotli());

    public static TypedExtensionConfig Zstd() => Library("zst", new Zstd());

    /// <summary>Of responses, by the newer fields.</summary>
    public static CompressorMessage Of(TypedExtensionConfig library, CompressorMessage.Types.ResponseDirectionConfig? responses = null) =>
        new() { CompressorLibrary = library, ResponseDirectionConfig = responses ?? new CompressorMessage.Types.ResponseDirectionConfig() };

    public static void PerRoute(Route route, IMessage config) => route.TypedPerFilterConfig.Add("compressor", Any.Pack(config));

    /// <summary>A response's head with a body of this text.</summary>
    public static string Answer(string headers = "", string? body = null, string status = "200 OK")
    {
        body ??= Text;
        return $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n{headers}\r\n{body}";
    }

    public long Counter(string name) => Proxy.Counter($"http.test.compressor.{name}");

    /// <summary>Sends a request and answers it; the head that the client gets.</summary>
    public async Task<string> GetAsync(string requestHeaders, string answer, string method = "GET")
    {
        _client ??= Proxy.Connect();
        await _client.SendAsync($"{method} / HTTP/1.1\r\nHost: h\r\n{requestHeaders}\r\n");
        _server ??= await _upstream.AcceptAsync();
        RequestHead = await _server.ReadHeadAsync();
        await _server.SendAsync(answer);
        return await _client.ReadHeadAsync();
    }

    /// <summary>What the upstream got.</summary>
    public string RequestHead { get; private set; } = "";

    public TestClient Client => _client!;

    public async Task<TestClient> ServerAsync() => _server ??= await _upstream.AcceptAsync();

    public TestClient Connect() => _client = Proxy.Connect();

    /// <summary>The next chunk of a chunked body; empty for the last.</summary>
    public static async Task<byte[]> ReadChunkAsync(TestClient from)
    {
        string size = await from.ReadUntilAsync("\r\n");
        int bytes = Convert.ToInt32(size.Trim(), 16);
        string data = bytes == 0 ? "" : await from.ReadBytesAsync(bytes);
        if (bytes > 0)
        {
            await from.ReadUntilAsync("\r\n");
        }

        return Encoding.Latin1.GetBytes(data);
    }

    /// <summary>All chunks up to the last one's head; what follows is the trailers' matter.</summary>
    public static async Task<byte[]> ReadChunksAsync(TestClient from)
    {
        using var all = new MemoryStream();
        while (await ReadChunkAsync(from) is { Length: > 0 } chunk)
        {
            all.Write(chunk);
        }

        return all.ToArray();
    }

    /// <summary>What a receiver of these bytes reads so far.</summary>
    public static string Decode(string encoding, byte[] bytes)
    {
        using var source = new MemoryStream(bytes);
        using Stream decoder = encoding == "gzip" ? new GZipStream(source, CompressionMode.Decompress) : new BrotliStream(source, CompressionMode.Decompress);
        byte[] text = new byte[1 << 20];
        int length = 0;
        int read;
        do
        {
            try
            {
                read = decoder.Read(text, length, text.Length - length);
            }
            catch (Exception e) when (e is InvalidDataException or InvalidOperationException && length > 0)
            {
                // The rest is yet to come.
                break;
            }

            length += read;
        }
        while (read > 0);

        return Encoding.Latin1.GetString(text, 0, length);
    }

    public void Dispose() => _upstream.Dispose();

    private static TypedExtensionConfig Library(string name, IMessage options) => new() { Name = name, TypedConfig = Any.Pack(options) };
}
