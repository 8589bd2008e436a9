using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Smuggling;

/// <summary>
/// The corpus through Pilotfish to nginx, HAProxy and Kestrel: each backend must see exactly the requests that Pilotfish forwarded, no more,
/// however the bytes were meant to be read.
/// </summary>
public sealed class DifferentialTests : IDisposable
{
    private const string End = "/end";

    // What the proxy listens on leads to the backend whose port is so much lower.
    private const int PortOffset = 1000;

    // Long enough for a loaded machine; a case that is cut short here is still compared rightly, it only proves less.
    private const int FirstAnswerMilliseconds = 500;
    private const int QuietMilliseconds = 100;

    private static readonly SmugglingCase[] s_cases = [.. Corpus.Cases, .. Http2Corpus.Cases];

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-smuggling-").FullName;

    [Fact]
    public async Task Corpus_EveryCase_BackendsSeeWhatWasForwarded()
    {
        Prerequisite.Program("nginx", "haproxy");
        using TestNamespace place = TestNamespace.Create();
        await using var backends = new Backends(place, _folder);
        await backends.StartAsync();
        backends.Run(null, Executable.Path, "serve", "-c", backends.Write("bootstrap.yaml", Bootstrap()), "--concurrency", "1",
            "--file-flush-interval-msec", "50", "--log-level", "warning");
        NetworkNamespaceThread[] inside = [.. Backends.All.Select(_ => place.Enter())];
        await Task.WhenAll(Backends.All.Select((backend, i) => Task.Run(() => RunCorpusAsync(backends, inside[i], backend.Name, backend.Port + PortOffset))));
        Assert.All(Backends.All, backend => Compare(backend.Name, backends.Seen(backend.Name), Forwarded(backends, backend.Name)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task RunCorpusAsync(Backends backends, NetworkNamespaceThread inside, string name, int port)
    {
        await ReadyAsync(inside, port);
        for (int i = 0; i < s_cases.Length; i++)
        {
            string bytes = s_cases[i].Bytes($"/case-{i}", $"/evil-{i}");
            inside.Run(() => Exchange(port, bytes));
        }

        inside.Run(() => Exchange(port, $"GET {End} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        await UntilAsync(() => backends.Seen(name).Contains(End) && Forwarded(backends, name).Any(static line => line.Path == End));
    }

    private static void Compare(string backend, List<string> seen, List<ForwardedRequest> forwarded)
    {
        var differences = new List<string>();
        foreach (string path in seen.Concat(forwarded.Select(static line => line.Path)).Distinct())
        {
            int count = seen.Count(other => other == path);
            int whole = forwarded.Count(line => line.Path == path && line.IsAnswered);
            int all = path == Backends.Refused ? forwarded.Count(static line => line.IsRefused) : forwarded.Count(line => line.Path == path);

            // A request that was given up on its way may or may not have arrived; one that was answered arrived once.
            if (count < whole || count > all)
            {
                string name = int.TryParse(path.Split('-')[^1], out int index) ? s_cases[index].Name : "?";
                differences.Add($"{backend}, case '{name}': '{path}' was forwarded {whole} to {all} times and seen {count} times");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));

        // The comparison means something only when good requests got through and bad ones did not.
        Assert.Contains($"/case-{Index("plain")}", seen);
        Assert.Contains($"/evil-{Index("pipelined")}", seen);
        Assert.Contains($"/case-{Index("HTTP/2: POST without a length")}", seen);
        Assert.DoesNotContain($"/evil-{Index("CL.TE")}", seen);
        Assert.DoesNotContain($"/evil-{Index("body that looks like a request")}", seen);
        Assert.DoesNotContain($"/evil-{Index("chunk that looks like a request")}", seen);

        // Nothing but whole requests lies within a request of HTTP/2.
        Assert.DoesNotContain(seen, static path => path.StartsWith("/evil-", StringComparison.Ordinal)
            && int.TryParse(path.Split('-')[^1], out int index) && index >= Corpus.Cases.Count);
    }

    private static int Index(string name) => Array.FindIndex(s_cases, item => item.Name == name);

    private static List<ForwardedRequest> Forwarded(Backends backends, string backend) =>
    [
        .. backends.Lines("pilotfish-" + backend + ".log").Select(static line => line.Split(' ', 4))
            .Where(static parts => parts[0] != "-").Select(static parts => new ForwardedRequest(parts[3], parts[1], parts[2])),
    ];

    private static async Task ReadyAsync(NetworkNamespaceThread inside, int port)
    {
        string last = "nothing";
        await UntilAsync(() =>
        {
            try
            {
                last = inside.Run(() => Exchange(port, "GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
            }
            catch (SocketException e)
            {
                // Not listening yet.
                last = e.Message;
            }

            return last.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal);
        }, () => $"port {port} answered: {last}");
    }

    /// <summary>
    /// Sends everything and reads until nothing more comes. A client that finished its side at once would be taken for gone.
    /// </summary>
    private static string Exchange(int port, string bytes)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, port);
        var text = new StringBuilder();
        try
        {
            client.Send(Encoding.Latin1.GetBytes(bytes));
            byte[] buffer = new byte[16 * 1024];
            client.ReceiveTimeout = FirstAnswerMilliseconds;
            for (int n = client.Receive(buffer); n > 0; n = client.Receive(buffer))
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, n));
                client.ReceiveTimeout = QuietMilliseconds;
            }
        }
        catch (SocketException)
        {
            // Quiet, or a reset, which is an answer too; what matters is what the backends saw.
        }

        return text.ToString();
    }

    private static async Task UntilAsync(Func<bool> condition, Func<string>? state = null)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < Patience.Limit, "What was waited for did not come; " + state?.Invoke());
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private string Bootstrap()
    {
        var text = new StringBuilder("static_resources:\n  clusters:\n");
        foreach ((string name, int port) in Backends.All)
        {
            text.Append($$$"""
              - name: {{{name}}}
                type: STATIC
                load_assignment:
                  cluster_name: {{{name}}}
                  endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: {{{port}}} } } } }] }]

            """);
        }

        text.Append("  listeners:\n");
        foreach ((string name, int port) in Backends.All)
        {
            text.Append($$$"""
              - name: {{{name}}}
                address: {socket_address: {address: 127.0.0.1, port_value: {{{port + PortOffset}}} } }
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: {{{name}}}
                      http_protocol_options: {accept_http_10: true, default_host_for_http_10: a}
                      http2_protocol_options: {allow_connect: true}
                      upgrade_configs: [{upgrade_type: websocket}]
                      access_log:
                      - name: log
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: {{{_folder}}}/pilotfish-{{{name}}}.log
                          log_format: {text_format_source: {inline_string: "%UPSTREAM_HOST% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %REQ(:PATH)%\n"} }
                      http_filters:
                      - name: router
                        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                      route_config:
                        virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: {{{name}}} }}]}]

            """);
        }

        return text.ToString();
    }

    private sealed record ForwardedRequest(string Path, string Status, string Details)
    {
        /// <summary>Whether the backend took it for no request of its liking: then it may tell of it with its path, without, or not at all.</summary>
        public bool IsRefused => Details == "via_upstream" && Status.StartsWith('4');

        public bool IsAnswered => Details == "via_upstream" && !IsRefused;
    }
}
