using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Mappers of local replies by every kind of filter, for a reply 503 NC to a request with x-team: blue; and every form of a body.</summary>
public sealed class LocalReplyFilterTests : IDisposable
{
    private static readonly JsonParser s_json = new(JsonParser.Settings.Default.WithTypeRegistry(TypeRegistry.FromMessages(ExpressionFilter.Descriptor)));

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-replies-").FullName;

    [Theory]
    [InlineData("""{"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 500, "runtime_key": "k"}}}}""", true)]
    [InlineData("""{"status_code_filter": {"comparison": {"op": "LE", "value": {"default_value": 502, "runtime_key": "k"}}}}""", false)]
    [InlineData("""{"duration_filter": {"comparison": {"op": "GE", "value": {"default_value": 0, "runtime_key": "k"}}}}""", true)]
    [InlineData("""{"duration_filter": {"comparison": {"op": "GE", "value": {"default_value": 600000, "runtime_key": "k"}}}}""", false)]
    [InlineData("""{"not_health_check_filter": {}}""", true)]
    [InlineData("""{"traceable_filter": {}}""", false)]
    [InlineData("""{"runtime_filter": {"runtime_key": "k", "percent_sampled": {"numerator": 100}}}""", true)]
    [InlineData("""{"runtime_filter": {"runtime_key": "k", "percent_sampled": {"numerator": 0}}}""", false)]
    [InlineData("""{"header_filter": {"header": {"name": "x-team", "string_match": {"exact": "blue"}}}}""", true)]
    [InlineData("""{"header_filter": {"header": {"name": "x-team", "string_match": {"exact": "red"}}}}""", false)]
    [InlineData("""{"response_flag_filter": {"flags": ["UH", "NC"]}}""", true)]
    [InlineData("""{"response_flag_filter": {"flags": ["UH"]}}""", false)]
    [InlineData("""{"response_flag_filter": {}}""", true)]
    [InlineData("""{"grpc_status_filter": {"statuses": ["UNAVAILABLE"]}}""", true)]
    [InlineData("""{"grpc_status_filter": {"statuses": ["OK"]}}""", false)]
    [InlineData("""{"metadata_filter": {"matcher": {"filter": "f", "path": [{"key": "k"}], "value": {"present_match": true}}, "match_if_key_not_found": true}}""", true)]
    [InlineData("""{"metadata_filter": {"matcher": {"filter": "f", "path": [{"key": "k"}], "value": {"present_match": true}}, "match_if_key_not_found": false}}""", false)]
    [InlineData("""{"and_filter": {"filters": [{"response_flag_filter": {"flags": ["NC"]}}, {"not_health_check_filter": {}}]}}""", true)]
    [InlineData("""{"and_filter": {"filters": [{"response_flag_filter": {"flags": ["UH"]}}, {"not_health_check_filter": {}}]}}""", false)]
    [InlineData("""{"or_filter": {"filters": [{"response_flag_filter": {"flags": ["UH"]}}, {"not_health_check_filter": {}}]}}""", true)]
    [InlineData("""{"or_filter": {"filters": [{"response_flag_filter": {"flags": ["UH"]}}, {"traceable_filter": {}}]}}""", false)]
    [InlineData("""{"extension_filter": {"name": "cel", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": "request.headers['x-team'] == 'blue' && response.code == 503"}}}""", true)]
    [InlineData("""{"extension_filter": {"name": "cel", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": "response.code == 404"}}}""", false)]
    public void Filter(string filter, bool maps) => LoopRunner.Run(async loop =>
    {
        TestClient client = await AskAsync(loop, new LocalReplyConfig
        {
            Mappers = { new ResponseMapper { Filter = s_json.Parse<AccessLogFilter>(filter), StatusCode = 418 } },
        });
        Assert.StartsWith(maps ? "HTTP/1.1 418 " : "HTTP/1.1 503 ", await client.ReadHeadAsync());
    });

    [Theory]
    [InlineData("inline text", "text/plain", "blue: gone")]
    [InlineData("text of a file", "text/plain", "blue: gone")]
    [InlineData("deprecated text", "text/plain", "blue: gone")]
    [InlineData("text with a type", "text/html; charset=UTF-8", "blue: gone")]
    [InlineData("json", "application/json", """{"team":"blue","why":"gone"}""")]
    [InlineData("json with a type", "application/problem+json", """{"team":"blue","why":"gone"}""")]
    [InlineData("body of a file", "text/plain", "gone")]
    [InlineData("body of bytes", "text/plain", "gone")]
    public void Body(string form, string type, string expected) => LoopRunner.Run(async loop =>
    {
        const string text = "%REQ(x-team)%: %LOCAL_REPLY_BODY%";
        string file = Path.Combine(_folder, "text");
        File.WriteAllText(file, form == "body of a file" ? "gone" : text);
        var fields = new Struct { Fields = { ["team"] = Value.ForString("%REQ(x-team)%"), ["why"] = Value.ForString("%LOCAL_REPLY_BODY%") } };
        TestClient client = await AskAsync(loop, new LocalReplyConfig
        {
            Mappers =
            {
                new ResponseMapper
                {
                    Filter = s_json.Parse<AccessLogFilter>("""{"not_health_check_filter": {}}"""),
                    Body = form switch
                    {
                        "body of a file" => new DataSource { Filename = file },
                        "body of bytes" => new DataSource { InlineBytes = ByteString.CopyFromUtf8("gone") },
                        _ => new DataSource { InlineString = "gone" },
                    },
                },
            },
            BodyFormat = form switch
            {
                "inline text" => new SubstitutionFormatString { TextFormatSource = new DataSource { InlineString = text } },
                "text of a file" => new SubstitutionFormatString { TextFormatSource = new DataSource { Filename = file } },
                "deprecated text" => new SubstitutionFormatString { TextFormat = text },
                "text with a type" => new SubstitutionFormatString { TextFormat = text, ContentType = type },
                "json" => new SubstitutionFormatString { JsonFormat = fields },
                "json with a type" => new SubstitutionFormatString { JsonFormat = fields, ContentType = type },
                _ => null,
            },
        });
        string head = await client.ReadHeadAsync();
        Assert.Contains($"content-type: {type}\r\n", head);
        Assert.Equal(expected, (await client.ReadToEndAsync()).TrimEnd('\n'));
    });

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<TestClient> AskAsync(Runtime.Loops.EventLoop loop, LocalReplyConfig config)
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.LocalReplyConfig = config);
        TestClient client = bench.Connect();
        await client.SendAsync("GET /p HTTP/1.1\r\nHost: a\r\nX-Team: blue\r\nConnection: close\r\n\r\n");
        return client;
    }
}
