using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Smuggling;

/// <summary>Servers of three makes in one namespace, each of which tells what requests it saw; and whatever else is to be run there.</summary>
internal sealed class Backends(TestNamespace place, string folder) : IAsyncDisposable
{
    /// <summary>In place of the target of what a server took for no request.</summary>
    public const string Refused = "<refused>";

    private const string Kestrel = "kestrel";

    /// <summary>The servers, and the ports on which they listen.</summary>
    public static readonly (string Name, int Port)[] All = [("nginx", 8001), ("haproxy", 8002), (Kestrel, 8003)];

    private readonly List<Process> _processes = [];
    private readonly ConcurrentQueue<string> _seenByKestrel = [];
    private WebApplication? _kestrel;

    public async Task StartAsync()
    {
        StartNginx();
        StartHaproxy();
        await StartKestrelAsync();
    }

    /// <summary>The targets of all requests that the server saw, in their order.</summary>
    public List<string> Seen(string backend) =>
        backend == Kestrel ? [.. _seenByKestrel] : [.. Lines(backend + ".log").Select(static line => line.Split(' ')[1] is not ("" or "<BADREQ>") and var target ? target : Refused)];

    /// <summary>The lines of a log file of the folder; none while it is not there.</summary>
    public string[] Lines(string file)
    {
        string path = Path.Combine(folder, file);
        if (!File.Exists(path))
        {
            return [];
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public void Run(string? outputFile, params string[] command)
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
            : new FileStream(Path.Combine(folder, outputFile), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        _ = process.StandardOutput.BaseStream.CopyToAsync(to, CancellationToken.None);
    }

    /// <summary>Writes a file of the folder and gives its path.</summary>
    public string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text + "\n");
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _processes)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        if (_kestrel is not null)
        {
            await _kestrel.DisposeAsync();
        }
    }

    private void StartNginx() => Run(null, "nginx", "-c", Write("nginx.conf", $$"""
        worker_processes 1;
        daemon off;
        pid {{folder}}/nginx.pid;
        error_log /dev/null;
        events { worker_connections 1024; }
        http {
          log_format seen escape=none '$request_method $request_uri $status';
          access_log {{folder}}/nginx.log seen;
          client_body_temp_path {{folder}}/b; proxy_temp_path {{folder}}/p; fastcgi_temp_path {{folder}}/f;
          uwsgi_temp_path {{folder}}/u; scgi_temp_path {{folder}}/s;
          underscores_in_headers on;
          server { listen 127.0.0.1:8001; location / { return 200 "ok"; } }
        }
        """));

    private void StartHaproxy() => Run("haproxy.log", "haproxy", "-f", Write("haproxy.cfg", """
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
        """));

    private async Task StartKestrelAsync()
    {
        // Kestrel runs in this process; the socket that it listens on was made inside.
        Socket socket = place.Enter().Run(static () =>
        {
            var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, All[2].Port));
            return listener;
        });
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ListenHandle(
            (ulong)socket.SafeHandle.DangerousGetHandle(), static listen => listen.Protocols = HttpProtocols.Http1));
        _kestrel = builder.Build();
        _kestrel.Run(async context =>
        {
            _seenByKestrel.Enqueue(context.Features.Get<IHttpRequestFeature>()!.RawTarget);
            try
            {
                await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            }
            catch (Exception e) when (e is Microsoft.AspNetCore.Http.BadHttpRequestException or ConnectionAbortedException or OperationCanceledException)
            {
                // A body without its end; the request was seen all the same.
            }
        });
        await _kestrel.StartAsync(TestContext.Current.CancellationToken);
    }
}
