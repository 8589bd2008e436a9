using System.Diagnostics;
using System.Text;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>nginx with one process, keep-alive to the backend, and the header rules that a reverse proxy usually has.</summary>
internal sealed class NginxPeer : IPeer
{
    private const string StreamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

    public string Name => "nginx";

    public TimeSpan WarmUp => TimeSpan.FromSeconds(1);

    public ProcessStartInfo? Configure(PeerSetup setup)
    {
        if (setup.Mode.Load == LoadKind.Tcp && !File.Exists(StreamModule))
        {
            return null;
        }

        string file = setup.PathOf("nginx.conf");
        File.WriteAllText(file, setup.Mode.Load == LoadKind.Tcp ? Stream(setup) : Http(setup));
        return new ProcessStartInfo("nginx", ["-p", setup.Directory, "-e", setup.PathOf("nginx.error"), "-c", file]);
    }

    internal static string Head(PeerSetup setup, string name) => $"""
        daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
        pid {setup.PathOf(name + ".pid")}; error_log {setup.PathOf(name + ".error")} error;
        events {"{"} worker_connections 16384; {"}"}

        """;

    private static string Stream(PeerSetup setup) => $$"""
        load_module {{StreamModule}};
        {{Head(setup, "nginx")}}
        stream {
          server { listen 127.0.0.1:{{setup.Port}}; proxy_pass 127.0.0.1:{{setup.BackendPort}}; }
        }
        """;

    private static string Http(PeerSetup setup)
    {
        var text = new StringBuilder(Head(setup, "nginx"));
        string log = setup.AccessLog ? $"{setup.PathOf("nginx.access")} combined buffer=64k flush=1s" : "off";
        text.Append($$"""
            http {
              client_body_temp_path {{setup.PathOf("body")}}; proxy_temp_path {{setup.PathOf("proxy")}};
              fastcgi_temp_path {{setup.PathOf("f")}}; uwsgi_temp_path {{setup.PathOf("u")}}; scgi_temp_path {{setup.PathOf("s")}};
              access_log {{log}}; keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on;
              server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
              upstream backend { server 127.0.0.1:{{setup.BackendPort}}; keepalive 128; keepalive_requests 100000000; }

            """);
        if (setup.Mode.WebSocket)
        {
            text.Append("map $http_upgrade $connection_upgrade { default upgrade; '' ''; }\n");
        }

        for (int i = 0; i < setup.Mode.Hosts; i++)
        {
            text.Append($$"""
                server { listen 127.0.0.1:{{setup.Port}}{{(setup.Tls is null ? "" : " ssl")}}{{(setup.Mode.Http2 ? " http2" : "")}}; {{Tls(setup)}}
                  server_name service-{{i}}.example.com; location / { {{Forward(setup)}} } }

                """);
        }

        return text.Append("}\n").ToString();
    }

    private static string Forward(PeerSetup setup)
    {
        if (setup.Mode.UpstreamHttp2)
        {
            return "grpc_pass grpc://backend; grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for; grpc_set_header X-Bench 1;";
        }

        string secure = setup.UpstreamTls is not { } files ? ""
            : $"proxy_ssl_trusted_certificate {files.Roots}; proxy_ssl_verify on; proxy_ssl_name server; "
                + $"proxy_ssl_certificate {files.Client}; proxy_ssl_certificate_key {files.ClientKey};";
        string connection = setup.Mode.WebSocket
            ? "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_read_timeout 600s;"
            : "proxy_set_header Connection \"\";";
        return $"proxy_pass {(setup.UpstreamTls is null ? "http" : "https")}://backend; proxy_http_version 1.1; {connection} {secure} "
            + "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Bench 1;";
    }

    private static string Tls(PeerSetup setup) => setup.Tls is not { } files ? ""
        : $"ssl_certificate {files.Server}; ssl_certificate_key {files.ServerKey}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:S:10m; "
            + (setup.Mode.IstioTls ? $"ssl_ciphers {TlsFiles.IstioCiphers}; " : "")
            + (setup.MutualTls ? $"ssl_client_certificate {files.Roots}; ssl_verify_client on;" : "");
}
