using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>local_reply_config and body_format of direct responses, as local_reply.cc and utility.cc have them.</summary>
public sealed class LocalReplyConfigTests
{
    private const string All = """{"not_health_check_filter": {}}""";

    private static readonly JsonParser s_json = new(JsonParser.Settings.Default.WithTypeRegistry(TypeRegistry.FromMessages(
        Envoy.Extensions.Formatter.Cel.V3.Cel.Descriptor, StringValue.Descriptor)));

    /// <summary>A label, local_reply_config, and the status, content-type, body and other headers of a reply 503 "no healthy upstream".</summary>
    public static TheoryData<string, string, int, string?, string, string> Configs { get; } = new()
    {
        { "nothing", "{}", 503, "text/plain", "no healthy upstream", "" },
        { "JSON keeps the types of values", """{"body_format": {"json_format": {"s": "%RESPONSE_CODE%", "t": "%RESPONSE_CODE% x", "n": 5, "b": true, "z": null}}}""",
            503, "application/json", """{"b":true,"n":5,"s":503,"t":"503 x","z":null}""" + "\n", "" },
        { "JSON of a missing value", """{"body_format": {"json_format": {"a": "%REQ(x-none)%", "b": "%REQ(x-none)%!"}}}""",
            503, "application/json", """{"a":null,"b":"-!"}""" + "\n", "" },
        { "JSON without missing values", """{"body_format": {"omit_empty_values": true, "json_format": {"a": "%REQ(x-none)%", "b": "%REQ(x-none)%!"}}}""",
            503, "application/json", """{"b":"!"}""" + "\n", "" },
        { "JSON is sorted whatever json_format_options say", """{"body_format": {"json_format_options": {"sort_properties": false}, "json_format": {"b": 1, "a": 2}}}""",
            503, "application/json", """{"a":2,"b":1}""" + "\n", "" },
        { "text of a missing value", """{"body_format": {"text_format_source": {"inline_string": "<%REQ(x-none)%>"}}}""", 503, "text/plain", "<->", "" },
        { "text without missing values", """{"body_format": {"omit_empty_values": true, "text_format": "<%REQ(x-none)%>"}}""", 503, "text/plain", "<>", "" },
        { "formatters", """{"body_format": {"formatters": [{"name": "cel", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel"}}], "text_format": "%CEL(request.method)%"}}""",
            503, "text/plain", "GET", "" },
        { "format makes nothing", """{"body_format": {"omit_empty_values": true, "text_format": "%REQ(x-none)%"}}""", 503, null, "", "" },
        { "type of a text", """{"body_format": {"content_type": "text/html", "text_format": "%LOCAL_REPLY_BODY%!"}}""", 503, "text/html", "no healthy upstream!", "" },
        { "type of a JSON", """{"body_format": {"content_type": "application/problem+json", "json_format": {"a": "%LOCAL_REPLY_BODY%"}}}""",
            503, "application/problem+json", """{"a":"no healthy upstream"}""" + "\n", "" },

        { "mapper's body", Mappers("\"body\": {\"inline_string\": \"gone\"}"), 503, "text/plain", "gone", "" },
        { "mapper's body is empty", Mappers("\"body\": {\"inline_string\": \"\"}"), 503, null, "", "" },
        { "mapper's status", Mappers("\"status_code\": 404"), 404, "text/plain", "no healthy upstream", "" },
        { "mapper's format is of its body and status", Mappers("\"status_code\": 404, \"body\": {\"inline_string\": \"gone\"}, \"body_format_override\": {\"text_format\": \"%LOCAL_REPLY_BODY% %RESPONSE_CODE% %RESP(:status)%\"}"),
            404, "text/plain", "gone 404 404", "" },
        { "mapper's headers tell the status before", Mappers("\"status_code\": 404, \"headers_to_add\": [{\"header\": {\"key\": \"x-a\", \"value\": \"%RESPONSE_CODE% %RESPONSE_FLAGS%\"}}]"),
            404, "text/plain", "no healthy upstream", "x-a: 503 UH" },
        { "mapper's format in place of the common one", """{"mappers": [{"filter": {"not_health_check_filter": {}}, "body_format_override": {"text_format": "own"}}], "body_format": {"text_format": "common"}}""",
            503, "text/plain", "own", "" },
        { "common format for a mapper without one", """{"mappers": [{"filter": {"not_health_check_filter": {}}, "body": {"inline_string": "gone"}}], "body_format": {"text_format": "common: %LOCAL_REPLY_BODY%"}}""",
            503, "text/plain", "common: gone", "" },
        { "the first mapper that matches, whole", """
            {"mappers": [
              {"filter": {"response_flag_filter": {"flags": ["NR"]}}, "status_code": 418, "headers_to_add": [{"header": {"key": "x-a", "value": "first"}}]},
              {"filter": {"response_flag_filter": {"flags": ["UH"]}}, "headers_to_add": [{"header": {"key": "x-a", "value": "second"}}]},
              {"filter": {"not_health_check_filter": {}}, "status_code": 419, "body": {"inline_string": "third"}}]}
            """, 503, "text/plain", "no healthy upstream", "x-a: second" },

        // A type in a mapper's headers is the config's word; the format's is for what nobody named.
        { "type of a mapper's headers", Mappers("\"body\": {\"inline_string\": \"<p>\"}, \"headers_to_add\": [{\"header\": {\"key\": \"content-type\", \"value\": \"text/html\"}}]"),
            503, "text/html", "<p>", "" },
        { "type of a mapper's headers before the format's", Mappers("\"body_format_override\": {\"json_format\": {}}, \"headers_to_add\": [{\"header\": {\"key\": \"content-type\", \"value\": \"text/x\"}, \"append_action\": \"OVERWRITE_IF_EXISTS_OR_ADD\"}]"),
            503, "text/x", "{}\n", "" },
        { "length of a mapper's headers counts for nothing", Mappers("\"headers_to_add\": [{\"header\": {\"key\": \"content-length\", \"value\": \"3\"}}]"),
            503, "text/plain", "no healthy upstream", "" },
    };

    [Theory]
    [MemberData(nameof(Configs))]
    public void Reply_IsAsConfigured(string label, string config, int status, string? type, string body, string header) => LoopRunner.Run(async loop =>
    {
        Assert.NotEmpty(label);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(hcm => hcm.LocalReplyConfig = s_json.Parse<LocalReplyConfig>(config));
        await CheckAsync(bench, status, type, body, header);
    });

    /// <summary>The same rules over HTTP/2: nothing of them is of a codec.</summary>
    [Theory]
    [MemberData(nameof(Configs))]
    public void Reply_OverHttp2_IsAsConfigured(string label, string config, int status, string? type, string body, string header) => LoopRunner.Run(async loop =>
    {
        Assert.NotEmpty(label);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(hcm => hcm.LocalReplyConfig = s_json.Parse<LocalReplyConfig>(config));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.Equal((status.ToString(System.Globalization.CultureInfo.InvariantCulture), type), (fields[":status"], fields.GetValueOrDefault("content-type")));
        Assert.Equal(body.Length == 0 ? null : body.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), fields.GetValueOrDefault("content-length"));
        Assert.Equal(body, end ? "" : await client.ReadBodyAsync());
        Assert.True(header.Length == 0 || fields[header.Split(": ")[0]] == header.Split(": ")[1]);
    });

    /// <summary>gRPC clients get the same in grpc-status and grpc-message.</summary>
    [Theory]
    [InlineData("""{"body_format": {"json_format": {"a": "%RESPONSE_CODE%"}}}""", "14", """{"a":503}""")]
    [InlineData("""{"body_format": {"text_format": "a\n"}}""", "14", "a%0A")]
    [InlineData("""{"mappers": [{"filter": {"not_health_check_filter": {}}, "status_code": 401, "body": {"inline_string": "100 %"}}]}""", "16", "100 %25")]
    [InlineData("""{"mappers": [{"filter": {"not_health_check_filter": {}}, "body": {"inline_string": ""}}]}""", "14", null)]
    [InlineData("""{"mappers": [{"filter": {"not_health_check_filter": {}}, "headers_to_add": [{"header": {"key": "grpc-status", "value": "8"}}]}]}""", "8", "no healthy upstream")]
    [InlineData("""{"mappers": [{"filter": {"not_health_check_filter": {}}, "headers_to_add": [{"header": {"key": "content-length", "value": "8"}}, {"header": {"key": "content-type", "value": "text/html"}}]}]}""", "14", "no healthy upstream")]
    public void Grpc_GetsTheConfiguredReply(string config, string status, string? message) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(hcm => hcm.LocalReplyConfig = s_json.Parse<LocalReplyConfig>(config));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(
            1, true, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-type", "application/grpc+proto"));
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal(("200", "application/grpc", status, message),
            (fields[":status"], fields["content-type"], fields["grpc-status"], fields.GetValueOrDefault("grpc-message")));
        Assert.DoesNotContain("content-length", fields.Keys);
    });

    [Fact]
    public void Head_HasTheHeadersOfTheFormattedBody() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(static hcm => hcm.LocalReplyConfig = s_json.Parse<LocalReplyConfig>("""{"body_format": {"json_format": {"a": 1}}}"""));
        TestClient client = bench.Connect();
        await client.SendAsync("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Contains("content-type: application/json\r\n", head, StringComparison.Ordinal);
        Assert.Contains("content-length: 8\r\n", head, StringComparison.Ordinal);
        Assert.Equal("", await client.ReadToEndAsync());
    });

    public static TheoryData<string, string, string> BadConfigs { get; } = new()
    {
        { "no filter", """{"mappers": [{}]}""", "local_reply_config.mappers[0].filter: the mapper has no filter" },
        { "status too low", Mappers("\"status_code\": 199"), "local_reply_config.mappers[0].status_code: 199 is not between 200 and 599" },
        { "status too high", Mappers("\"status_code\": 600"), "local_reply_config.mappers[0].status_code: 600 is not between 200 and 599" },
        { "no format", """{"body_format": {}}""", "local_reply_config.body_format: it has no format" },
        { "unknown operator", """{"body_format": {"text_format": "%NOTHING%"}}""", "local_reply_config.body_format.text_format: " },
        { "unknown operator in JSON", """{"body_format": {"json_format": {"a": "%NOTHING%"}}}""", "local_reply_config.body_format.json_format.a: " },
        { "no such file", Mappers("\"body\": {\"filename\": \"/no/such\"}"), "local_reply_config.mappers[0].body: the file '/no/such' cannot be read" },
        { "body without a source", Mappers("\"body\": {}"), "local_reply_config.mappers[0].body: the data source is empty" },
        { "type with a line end", """{"body_format": {"content_type": "a\r\nb: c", "text_format": "x"}}""", "local_reply_config.body_format.content_type: it has a line end or a NUL" },
        { "unknown formatter", """{"body_format": {"formatters": [{"name": "mine", "typed_config": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": ""}}], "text_format": "x"}}""",
            "local_reply_config.body_format.formatters: formatter 'mine' of type 'google.protobuf.StringValue' is not known" },
        { "pseudo header", Mappers("\"headers_to_add\": [{\"header\": {\"key\": \":status\", \"value\": \"200\"}}]"),
            "local_reply_config.mappers[0].headers_to_add[0].header.key: header ':status' may not be changed here" },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void Config_ThatIsWrong_IsRefusedByField(string label, string config, string message) => LoopRunner.Run(loop =>
    {
        Assert.NotEmpty(label);
        var bench = new ProxyBench(loop);
        var parsed = s_json.Parse<LocalReplyConfig>(config);
        Assert.StartsWith(message, Assert.Throws<ConfigRejectedException>(() => bench.Serve(hcm => hcm.LocalReplyConfig = parsed)).Message, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    /// <summary>A label, direct_response, and the status, content-type and body of the answer.</summary>
    public static TheoryData<string, string, int, string?, string> DirectResponses { get; } = new()
    {
        { "body alone", """{"status": 200, "body": {"inline_string": "%REQ(:path)%"}}""", 200, "text/plain", "%REQ(:path)%" },
        { "format alone", """{"status": 200, "body_format": {"text_format": "%REQ(:path)% %LOCAL_REPLY_BODY%"}}""", 200, "text/plain", "/p " },
        { "format of a body", """{"status": 404, "body": {"inline_string": "gone"}, "body_format": {"text_format_source": {"inline_string": "<%LOCAL_REPLY_BODY%>"}}}""",
            404, "text/plain", "<gone>" },
        { "type", """{"status": 200, "body_format": {"content_type": "text/html", "text_format": "<p>"}}""", 200, "text/html", "<p>" },
        { "JSON", """{"status": 200, "body": {"inline_string": "x"}, "body_format": {"json_format": {"text": "%LOCAL_REPLY_BODY%", "name": "%ROUTE_NAME%"}}}""",
            200, "application/json", """{"name":"default","text":"x"}""" + "\n" },
        { "JSON of another type", """{"status": 200, "body_format": {"content_type": "a/b", "json_format": {}}}""", 200, "a/b", "{}\n" },
        { "missing values", """{"status": 200, "body_format": {"text_format": "<%REQ(x-none)%>"}}""", 200, "text/plain", "<->" },
        { "missing values left out", """{"status": 200, "body_format": {"omit_empty_values": true, "text_format": "<%REQ(x-none)%>"}}""", 200, "text/plain", "<>" },
        { "nothing comes of it", """{"status": 200, "body_format": {"omit_empty_values": true, "text_format": "%REQ(x-none)%"}}""", 200, null, "" },
        { "status", """{"status": 403, "body_format": {"text_format": "%RESPONSE_CODE%"}}""", 403, "text/plain", "403" },
    };

    [Theory]
    [MemberData(nameof(DirectResponses))]
    public void DirectResponse_BodyFormat_IsHeeded(string label, string action, int status, string? type, string body) => LoopRunner.Run(async loop =>
    {
        Assert.NotEmpty(label);
        var bench = new ProxyBench(loop);
        bench.Serve(configureRoute: route => route.DirectResponse = s_json.Parse<DirectResponseAction>(action));
        await CheckAsync(bench, status, type, body, "");
    });

    /// <summary>What the route's rules say of the type stands, and local_reply_config works on what the format made.</summary>
    [Fact]
    public void DirectResponse_Formatted_IsStillTheRoutesAndTheManagers() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(configureRoute: static route =>
        {
            route.DirectResponse = s_json.Parse<DirectResponseAction>("""{"status": 200, "body_format": {"text_format": "a"}}""");
            route.ResponseHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "content-type", Value = "text/css" } });
        });
        await CheckAsync(bench, 200, "text/css", "a", "");

        bench = new ProxyBench(loop);
        bench.Serve(
            static hcm => hcm.LocalReplyConfig = s_json.Parse<LocalReplyConfig>("""{"body_format": {"text_format": "(%LOCAL_REPLY_BODY%)"}}"""),
            static route => route.DirectResponse = s_json.Parse<DirectResponseAction>("""{"status": 200, "body": {"inline_string": "b"}, "body_format": {"json_format": {"a": "%LOCAL_REPLY_BODY%"}}}"""));
        await CheckAsync(bench, 200, "text/plain", """({"a":"b"}""" + "\n)", "");
    });

    [Theory]
    [InlineData("""{"status": 200, "body_format": {}}""", "body_format: it has no format")]
    [InlineData("""{"status": 200, "body_format": {"text_format": "%NOTHING%"}}""", "body_format.text_format: ")]
    [InlineData("""{"status": 199}""", "status: 199 is not between 200 and 599")]
    [InlineData("""{"status": 600}""", "status: 600 is not between 200 and 599")]
    [InlineData("""{"status": 200, "body": {"environment_variable": "NO_SUCH_VARIABLE"}}""", "body: the variable 'NO_SUCH_VARIABLE' is not set")]
    [InlineData("""{"status": 200, "body": {"filename": "/no/such"}}""", "body: the file '/no/such' cannot be read")]
    public void DirectResponse_ThatIsWrong_IsRefusedByField(string action, string message) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var parsed = s_json.Parse<DirectResponseAction>(action);
        Assert.Contains($".direct_response.{message}",
            Assert.Throws<ConfigRejectedException>(() => bench.Serve(configureRoute: route => route.DirectResponse = parsed)).Message, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static string Mappers(string fields) => $$"""{"mappers": [{"filter": {{All}}, {{fields}}}]}""";

    private static async Task CheckAsync(ProxyBench bench, int status, string? type, string body, string header)
    {
        TestClient client = bench.Connect();
        await client.SendAsync("GET /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", head, StringComparison.Ordinal);
        Assert.Equal(type is not null, head.Contains("\r\ncontent-type: ", StringComparison.Ordinal));
        Assert.Contains(type is null ? "\r\n" : $"\r\ncontent-type: {type}\r\n", head, StringComparison.Ordinal);
        Assert.Contains($"\r\ncontent-length: {body.Length}\r\n", head, StringComparison.Ordinal);
        Assert.Contains($"\r\n{header}", head, StringComparison.Ordinal);
        Assert.Equal(body, await client.ReadToEndAsync());
    }
}
