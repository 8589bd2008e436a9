using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
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
    private const string Kestrel = "kestrel";

    // Long enough for a loaded machine; a case that is cut short here is still compared rightly, it only proves less.
    private const int FirstAnswerMilliseconds = 500;
    private const int QuietMilliseconds = 100;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly (string Name, int Port)[] s_backends = [("nginx", 9001), ("haproxy", 9002), (Kestrel, 9003)];

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-smuggling-").FullName;
    private readonly List<Process> _processes = [];

    private string KestrelSocket => Path.Combine(_folder, "kestrel.sock");

    [Fact]
    public async Task Corpus_EveryCase_BackendsSeeWhatWasForwarded()
    {
        Prerequisite.Program("nginx", "haproxy");
        using TestNamespace place = TestNamespace.Create();
        try
        {
            StartBackends(place);
            await using WebApplication kestrel = await StartKestrelAsync();
            Start(place, null, Executable.Path, "serve", "-c", Write("bootstrap.yaml", Bootstrap()), "--concurrency", "1",
                "--file-flush-interval-msec", "50", "--log-level", "warning");
            NetworkNamespaceThread[] inside = [.. s_backends.Select(_ => place.Enter())];
            await Task.WhenAll(s_backends.Select((backend, i) => Task.Run(() => RunCorpusAsync(inside[i], backend.Name, backend.Port))));
            foreach ((string name, _) in s_backends)
            {
                Compare(name);
            }
        }
        finally
        {
            _processes.ForEach(static process => process.Kill(entireProcessTree: true));
            _processes.ForEach(static process => process.WaitForExit());
        }
    }

    public void Dispose()
    {
        _processes.ForEach(static process => process.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    private async Task RunCorpusAsync(NetworkNamespaceThread inside, string name, int port)
    {
        await ReadyAsync(inside, port);
        for (int i = 0; i < Corpus.Cases.Count; i++)
        {
            string bytes = Corpus.Bytes(Corpus.Cases[i].Bytes, $"/case-{i}", $"/evil-{i}");
            inside.Run(() => Exchange(port, bytes));
        }

        inside.Run(() => Exchange(port, $"GET {End} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        await UntilAsync(() => Seen(name).Contains(End) && Forwarded(name).Any(static line => line.Path == End));
    }

    private void Compare(string backend)
    {
        List<string> seen = Seen(backend);
        List<(string Path, string Details, string Status)> forwarded = Forwarded(backend);
        var differences = new List<string>();
        foreach (string path in seen.Concat(forwarded.Select(static line => line.Path)).Distinct())
        {
            int count = seen.Count(other => other == path);
            int whole = forwarded.Count(line => line.Path == path && line.Details == "via_upstream" && !(backend == Kestrel && IsRefusal(line.Status)));
            int all = forwarded.Count(line => line.Path == path);

            // A request that was given up on its way may or may not have arrived; one that was answered arrived once.
            if (count < whole || count > all)
            {
                string name = int.TryParse(path.Split('-')[^1], out int index) ? Corpus.Cases[index].Name : "?";
                differences.Add($"{backend}, case '{name}': '{path}' was forwarded {whole} to {all} times and seen {count} times");
            }
        }

        Assert.Empty(differences);

        // The comparison means something only when good requests got through and bad ones did not.
        Assert.Contains("/case-0", seen);
        Assert.Contains("/evil-1", seen);
        Assert.DoesNotContain($"/evil-{Index("CL.TE")}", seen);
        Assert.DoesNotContain($"/evil-{Index("body that looks like a request")}", seen);
    }

    // Kestrel tells nobody of requests that it refuses itself.
    private static bool IsRefusal(string status) => status.StartsWith('4');

    private static int Index(string name) => Corpus.Cases.ToList().FindIndex(item => item.Name == name);

    private List<string> Seen(string backend) => [.. Lines(backend + ".log").Select(static line => line.Split(' ')[1])];

    private List<(string Path, string Details, string Status)> Forwarded(string backend) =>
    [
        .. Lines("pilotfish-" + backend + ".log").Select(static line => line.Split(' '))
            .Where(static parts => parts[1] != "-").Select(static parts => (parts[0], parts[2], parts[3])),
    ];

    private string[] Lines(string file)
    {
        string path = Path.Combine(_folder, file);
        if (!File.Exists(path))
        {
            return [];
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private void StartBackends(TestNamespace place)
    {
        string nginx = Write("nginx.conf", $$"""
            worker_processes 1;
            daemon off;
            pid {{_folder}}/nginx.pid;
            error_log /dev/null;
            events { worker_connections 1024; }
            http {
              log_format seen '$request_method $request_uri $status';
              access_log {{_folder}}/nginx.log seen;
              client_body_temp_path {{_folder}}/b; proxy_temp_path {{_folder}}/p; fastcgi_temp_path {{_folder}}/f;
              uwsgi_temp_path {{_folder}}/u; scgi_temp_path {{_folder}}/s;
              underscores_in_headers on;
              server { listen 127.0.0.1:8001; location / { return 200 "ok"; } }
            }
            """);
        Start(place, null, "nginx", "-c", nginx);
        string haproxy = Write("haproxy.cfg", """
            global
              log stdout format raw local0
              nbthread 1
            defaults
              mode http
              option dontlognull
              timeout client 10s
              timeout connect 10s
              timeout server 10s
            frontend f
              bind 127.0.0.1:8002
              log global
              log-format "%HM %HU %ST"
              http-request return status 200 content-type text/plain string ok
            """);
        Start(place, "haproxy.log", "haproxy", "-f", haproxy);
    }

    // On a Unix socket, which this process and the namespace share.
    private async Task<WebApplication> StartKestrelAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ListenUnixSocket(KestrelSocket));
        WebApplication kestrel = builder.Build();
        var writing = new Lock();
        string log = Path.Combine(_folder, Kestrel + ".log");
        kestrel.Run(async context =>
        {
            string line = $"{context.Request.Method} {context.Features.Get<IHttpRequestFeature>()!.RawTarget}\n";
            lock (writing)
            {
                File.AppendAllText(log, line);
            }

            await context.Response.WriteAsync("ok");
        });
        await kestrel.StartAsync(TestContext.Current.CancellationToken);
        return kestrel;
    }

    private void Start(TestNamespace place, string? outputFile, params string[] command)
    {
        Process process = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", place.Name, .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _processes.Add(process);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
        Stream to = outputFile is null
            ? Stream.Null
            : new FileStream(Path.Combine(_folder, outputFile), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        _ = process.StandardOutput.BaseStream.CopyToAsync(to, CancellationToken.None);
    }

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
            Assert.True(waited.Elapsed < s_patience, "What was waited for did not come; " + state?.Invoke());
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text + "\n");
        return path;
    }

    private string Bootstrap()
    {
        var text = new StringBuilder("static_resources:\n  clusters:\n");
        foreach ((string name, int port) in s_backends)
        {
            text.Append($$$"""
              - name: {{{name}}}
                type: STATIC
                load_assignment:
                  cluster_name: {{{name}}}
                  endpoints: [{lb_endpoints: [{endpoint: {address: {{{Address(name, port - 1000)}}} } }] }]

            """);
        }

        string Address(string name, int port) => name == Kestrel
            ? $$"""{pipe: {path: {{KestrelSocket}}} }"""
            : $$"""{socket_address: {address: 127.0.0.1, port_value: {{port}}} }""";

        text.Append("  listeners:\n");
        foreach ((string name, int port) in s_backends)
        {
            text.Append($$$"""
              - name: {{{name}}}
                address: {socket_address: {address: 127.0.0.1, port_value: {{{port}}} } }
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: {{{name}}}
                      http_protocol_options: {accept_http_10: true, default_host_for_http_10: a}
                      upgrade_configs: [{upgrade_type: websocket}]
                      access_log:
                      - name: log
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: {{{_folder}}}/pilotfish-{{{name}}}.log
                          log_format: {text_format_source: {inline_string: "%REQ(:PATH)% %UPSTREAM_HOST% %RESPONSE_CODE_DETAILS% %RESPONSE_CODE%\n"} }
                      http_filters:
                      - name: router
                        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                      route_config:
                        virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: {{{name}}} }}]}]

            """);
        }

        return text.ToString();
    }
}
