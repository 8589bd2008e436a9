using System.Text.RegularExpressions;

namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>
/// Access logs of a running mesh as operators read them: Istio's default records field by field, the configurations that people copy from
/// tutorials, and what is in flight while they change.
/// </summary>
[Collection("Meshes")]
public sealed class AccessLogTests(LoggedMesh mesh) : IClassFixture<LoggedMesh>
{
    private const string OnePage = """
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        metadata: {name: mesh-default, namespace: default}
        spec:
          selector: {matchLabels: {app: productpage}}
          accessLogging: [{providers: [{name: envoy}]}]
        """;

    private const string AllButOne = """
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        metadata: {name: mesh-default, namespace: istio-system}
        spec: {accessLogging: [{providers: [{name: envoy}]}]}
        ---
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        metadata: {name: quiet, namespace: default}
        spec: {accessLogging: [{disabled: true}]}
        ---
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        metadata: {name: errors, namespace: default}
        spec:
          selector: {matchLabels: {app: reviews}}
          accessLogging: [{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]
        """;

    private const string Logger = "envoy.access_loggers.file";
    private const string Filter = "envoy.access_loggers.extension_filters.cel";

    private static readonly string[] s_pods = ["productpage", "reviews", "other/echo"];

    [Fact]
    public async Task Record_Text_IsIstiosFieldByField()
    {
        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilFormatAsync("text_format");
        await AssertRowsAsync(LogFields.OfText);
    }

    [Fact]
    public async Task Record_Json_IsIstiosFieldByField()
    {
        mesh.Configure("accessLogFile: /dev/stdout\naccessLogEncoding: JSON");
        await UntilFormatAsync("json_format");
        await AssertRowsAsync(LogFields.OfJson);
    }

    [Fact]
    public async Task TutorialConfigurations_EachAppliesToARunningMesh()
    {
        // 1. Everything, in the default format.
        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilLoggersAsync(Logger, Logger, Logger, without: "attempts=");
        string all = await SendAsync("ok");

        // 2. A format of one's own, its line end added.
        mesh.Configure("accessLogFile: /dev/stdout\naccessLogEncoding: TEXT\naccessLogFormat: '%REQ(X-REQUEST-ID)% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%'");
        await UntilLoggersAsync("attempts=", "attempts=", "attempts=");
        string never = await SendAsync("none", "details:9080");
        string once = await SendAsync("ok");
        string thrice = await SendAsync("closed", "closed:9080");

        // 3. One workload.
        mesh.Configure("accessLogFile: \"\"", OnePage);
        await UntilLoggersAsync(Logger, null, null, without: "attempts=");
        string page = await SendAsync("ok");

        // 4. All, but not a namespace, but errors of one of its workloads.
        mesh.Configure("", AllButOne);
        await UntilLoggersAsync(null, Filter, Logger);
        string fine = await SendAsync("ok");
        string error = await SendAsync("missing");
        await mesh.ExecAsync("productpage", "perl -e 'use IO::Socket::INET; $c = IO::Socket::INET->new(PeerAddr => q(echo.other), PeerPort => 9000) or die; "
            + "print $c q(x) x 4711; $c->shutdown(1); 1 while sysread($c, $b, 4096)'");

        // What comes last is logged last: whoever has it has all that came before.
        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilLoggersAsync(Logger, Logger, Logger, without: Filter);
        string last = await SendAsync("ok");
        await mesh.LineAsync("productpage", last);
        await mesh.LineAsync("reviews", last);

        string[] client = await mesh.LogAsync("productpage");
        string[] server = await mesh.LogAsync("reviews");
        Assert.Contains("\"GET /ok HTTP/1.1\" 200 - via_upstream", Line(client, all), StringComparison.Ordinal);
        Assert.Contains("inbound|9080||", Line(server, all), StringComparison.Ordinal);
        Assert.Equal($"{never} attempts=0", Line(client, never));
        Assert.Equal($"{once} attempts=1", Line(client, once));
        Assert.Equal($"{once} attempts=1", Line(server, once));
        Assert.Equal($"{thrice} attempts=3", Line(client, thrice));
        Assert.Contains("\"GET /ok HTTP/1.1\" 200 - via_upstream", Line(client, page), StringComparison.Ordinal);
        Assert.Contains("\"GET /missing HTTP/1.1\" 404 - via_upstream", Line(server, error), StringComparison.Ordinal);
        Assert.Contains("\"- - -\" 0 - - - \"-\" 4711 4711 ", await mesh.LineAsync("other/echo", " 4711 4711 "), StringComparison.Ordinal);
        AssertSilent(server, page, fine);
        AssertSilent(client, fine, error);
    }

    [Fact]
    public async Task OnAndOff_UnderLoad_LosesNoConnectionAndNoRecordInFlight()
    {
        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilLoggersAsync(Logger, Logger, Logger);
        Task<string> load = mesh.ExecAsync("productpage", """
            rm -f /tmp/stop
            while [ ! -e /tmp/stop ]; do curl -s -m 60 -o /dev/null -w '%{http_code}\n' 'http://reviews:9080/load?[1-100]'; done | sort | uniq -c
            """);
        try
        {
            for (int i = 0; i < 2; i++)
            {
                // Answered two seconds later, when logging is off already: it began when it was on.
                string id = Guid.NewGuid().ToString();
                Task<string> slow = mesh.ExecAsync("productpage", Curl(id, $"http://reviews:9080/slow-{id}"));
                await mesh.LineAsync("reviews", $"/slow-{id}", "app");
                mesh.Configure("accessLogFile: \"\"");
                await UntilLoggersAsync(null, null, null);
                Assert.Equal("200", await slow);
                Assert.Contains("\" 200 - via_upstream", await mesh.LineAsync("productpage", id), StringComparison.Ordinal);
                Assert.Contains("\" 200 - via_upstream", await mesh.LineAsync("reviews", id), StringComparison.Ordinal);
                mesh.Configure("accessLogFile: /dev/stdout");
                await UntilLoggersAsync(Logger, Logger, Logger);
            }
        }
        finally
        {
            await mesh.ExecAsync("productpage", "touch /tmp/stop");
        }

        Assert.Matches(@"^\d+ 200$", (await load).Trim());
    }

    [Theory]
    [InlineData("a format", "accessLogFile: /dev/stdout\naccessLogFormat: '%REQ(:PATH)% %NO_SUCH%'", "", @"config\.yaml \(ConfigMap istio-system/istio, key mesh\):2:18: "
        + @"accessLogFormat: operator %NO_SUCH% is not known \(at character 14 of the format\)")]
    [InlineData("an encoding", "accessLogFile: /dev/stdout\naccessLogEncoding: XML", "", @"key mesh\):2:20: .*'XML'.* TEXT, JSON")]
    [InlineData("a condition", "accessLogFile: /dev/stdout", "filter: {expression: 'response.kode >= 400'}, providers: [{name: envoy}]",
        @"config\.yaml:9:\d+: Telemetry 'default/t': spec\.accessLogging\[0\]\.filter\.expression: .*'response\.kode' is not an attribute.* \(at column 10 of the expression\)")]
    public async Task BadConfiguration_IsNamedWithItsPlaceAndTheLogInForceStays(string label, string config, string rule, string problem)
    {
        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilLoggersAsync(Logger, Logger, Logger);

        mesh.Configure(config, rule.Length == 0 ? "" : "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t}\n"
            + $"spec: {{accessLogging: [{{{rule}}}]}}");
        await UntilProblemsAsync(said => Regex.IsMatch(said, problem));
        string id = await SendAsync("ok");
        Assert.True((await mesh.LineAsync("productpage", id)).Contains("\"GET /ok HTTP/1.1\" 200 - via_upstream", StringComparison.Ordinal), label);

        mesh.Configure("accessLogFile: /dev/stdout");
        await UntilProblemsAsync(static said => !said.Contains("config.yaml", StringComparison.Ordinal));
    }

    private static string Line(string[] log, string id) => Assert.Single(log, line => line.Contains(id, StringComparison.Ordinal));

    private static void AssertSilent(string[] log, params string[] ids) =>
        Assert.DoesNotContain(log, line => ids.Any(id => line.Contains(id, StringComparison.Ordinal)));

    private static string Curl(string id, string url) => $"curl -s -m 10 -o /dev/null -w '%{{http_code}}' -H 'x-request-id: {id}' {url}";

    private Task UntilProblemsAsync(Func<string, bool> are) => Local.FaultyMesh.UntilAsync(async () =>
        are((await Executable.RunAsync("get", mesh.Folder)).Error));

    /// <summary>Sends a request under an id of its own and returns that.</summary>
    private async Task<string> SendAsync(string path, string host = "reviews:9080")
    {
        string id = Guid.NewGuid().ToString();
        await mesh.ExecAsync("productpage", Curl(id, $"http://{host}/{path}"));
        return id;
    }

    /// <summary>Waits until the listeners of productpage, reviews and echo have what is named, or nothing that logs; then frees old connections.</summary>
    private async Task UntilLoggersAsync(string? page, string? reviews, string? echo, string without = "nothing is without this")
    {
        foreach ((string pod, string? has) in s_pods.Zip((string?[])[page, reviews, echo]))
        {
            await mesh.UntilListenersAsync(pod, listeners => listeners.Length > 100
                && !listeners.Contains(without, StringComparison.Ordinal)
                && listeners.Contains(has ?? Logger, StringComparison.Ordinal) == (has is not null));
        }

        // A pooled connection of the former configuration serves one request more, and closes.
        await mesh.ExecAsync("productpage", "for i in 1 2 3; do curl -s -m 10 -o /dev/null http://reviews:9080/warm; done");
    }

    private async Task UntilFormatAsync(string format)
    {
        foreach (string pod in (string[])["productpage", "reviews", "other/echo"])
        {
            await mesh.UntilListenersAsync(pod, listeners => listeners.Contains(format, StringComparison.Ordinal)
                && !listeners.Contains(format == "text_format" ? "json_format" : "text_format", StringComparison.Ordinal));
        }

        // Pooled connections of the former configuration serve one request more and close.
        await mesh.ExecAsync("productpage", "for i in 1 2 3; do for h in reviews ratings unbound; do curl -s -m 10 -o /dev/null http://$h:9080/warm; done; done");
    }

    private async Task AssertRowsAsync(Func<string, Dictionary<string, string>> fieldsOf)
    {
        string[] ids = [.. LogRows.All.Select(static _ => Guid.NewGuid().ToString())];
        await mesh.ExecAsync("productpage", string.Join("; ", LogRows.All.Zip(ids, (row, id) => Filled(row.Command, id))));
        var wrong = new List<string>();
        foreach (((string label, _, (string Pod, string Record)[] hops), string id) in LogRows.All.Zip(ids))
        {
            foreach ((string pod, string record) in hops)
            {
                string line = await mesh.LineAsync(pod, label == "TCP" ? "9000||" : id);
                Dictionary<string, string> fields = fieldsOf(line);
                Dictionary<string, string> expected = LogFields.OfText(record);
                wrong.AddRange(LogFields.Keys.Where(key => !Matches(expected[key], fields[key], id))
                    .Select(key => $"{label}, {pod}: {key} is '{fields[key]}', expected '{Filled(expected[key], id)}'"));
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private bool Matches(string expected, string actual, string id)
    {
        string pattern = Regex.Escape(Filled(expected, id))
            .Replace(@"\{time}", @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", StringComparison.Ordinal)
            .Replace(@"\{port}", @"[1-9]\d*", StringComparison.Ordinal).Replace(@"\{n}", @"\d+", StringComparison.Ordinal);
        pattern = Regex.Replace(pattern, @"\\\{sni:(.*)}", "(-|$1)");
        return Regex.IsMatch(actual, $"^{pattern}$");
    }

    private string Filled(string text, string id)
    {
        text = text.Replace("{id}", id, StringComparison.Ordinal);
        foreach ((string name, string address) in mesh.Addresses)
        {
            text = text.Replace($"{{{name}}}", address, StringComparison.Ordinal);
        }

        return text;
    }
}
