using System.Diagnostics;
using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>The one backend of all peers: nginx answering 1 KB from memory, 10 KB and 1 MB from files that stay in the page cache.</summary>
internal static class Backend
{
    public const string SmallPath = "/index.html";
    public const string MediumPath = "/10k";
    public const string LargePath = "/1m";

    public const string GrpcPath = "/bench.Echo/Unary";

    /// <summary>One uncompressed message of 16 bytes, in a call and in its answer.</summary>
    public static byte[] GrpcMessage => [0, 0, 0, 0, 16, .. "0123456789abcdef"u8];

    public static ProcessStartInfo Configure(string directory, int port, BenchMode mode, TlsFiles? tls)
    {
        var setup = new PeerSetup { Mode = mode, Directory = directory, Port = port, BackendPort = 0 };
        string body = new('x', 1024);
        File.WriteAllText(setup.PathOf("10k"), new string('y', 10 * 1024));
        File.WriteAllText(setup.PathOf("1m"), new string('z', 1024 * 1024));
        Directory.CreateDirectory(setup.PathOf("bench.Echo"));
        File.WriteAllBytes(setup.PathOf("bench.Echo/Unary"), GrpcMessage);
        string secure = mode.UpstreamTls
            ? $"ssl_certificate {tls!.Server}; ssl_certificate_key {tls.ServerKey}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:S:10m;"
            : "";
        string file = setup.PathOf("backend.conf");
        // A file answers no POST of itself; as the page of that error it does.
        File.WriteAllText(file, NginxPeer.Head(setup, "backend") + $$"""
            http {
              client_body_temp_path {{setup.PathOf("b1")}}; proxy_temp_path {{setup.PathOf("b2")}};
              fastcgi_temp_path {{setup.PathOf("b3")}}; uwsgi_temp_path {{setup.PathOf("b4")}}; scgi_temp_path {{setup.PathOf("b5")}};
              access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/html;
              server { listen 127.0.0.1:{{port}} backlog=4096{{(mode.UpstreamTls ? " ssl" : "")}}{{(mode.UpstreamHttp2 ? " http2" : "")}}; {{secure}}
                root {{directory}}; sendfile on; open_file_cache max=16;
                location = {{GrpcPath}} { default_type application/grpc; add_trailer grpc-status 0 always; error_page 405 =200 $uri; }
                location = /10k { } location = /1m { } location / { return 200 "{{body}}"; } }
            }
            """);
        return new ProcessStartInfo("nginx", ["-p", directory, "-e", setup.PathOf("backend.error"), "-c", file]);
    }
}
