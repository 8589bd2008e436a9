using System.Diagnostics;
using Pilotfish.Bench.Peers.Peers;

namespace Pilotfish.Bench.Peers;

/// <summary>The one backend of all peers: nginx answering 1 KB from memory, 10 KB and 1 MB from files that stay in the page cache.</summary>
internal static class Backend
{
    public const string SmallPath = "/index.html";
    public const string MediumPath = "/10k";
    public const string LargePath = "/1m";

    public static ProcessStartInfo Configure(string directory, int port)
    {
        var setup = new PeerSetup { Directory = directory, Port = port, BackendPort = 0 };
        string body = new('x', 1024);
        File.WriteAllText(setup.PathOf("10k"), new string('y', 10 * 1024));
        File.WriteAllText(setup.PathOf("1m"), new string('z', 1024 * 1024));
        string file = setup.PathOf("backend.conf");
        File.WriteAllText(file, NginxPeer.Head(setup, "backend") + $$"""
            http {
              client_body_temp_path {{setup.PathOf("b1")}}; proxy_temp_path {{setup.PathOf("b2")}};
              fastcgi_temp_path {{setup.PathOf("b3")}}; uwsgi_temp_path {{setup.PathOf("b4")}}; scgi_temp_path {{setup.PathOf("b5")}};
              access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/html;
              server { listen 127.0.0.1:{{port}} backlog=4096; root {{directory}}; sendfile on; open_file_cache max=16;
                location = /10k { } location = /1m { } location / { return 200 "{{body}}"; } }
            }
            """);
        return new ProcessStartInfo("nginx", ["-p", directory, "-e", setup.PathOf("backend.error"), "-c", file]);
    }
}
