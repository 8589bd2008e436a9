using System.Diagnostics;
using System.Text;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>HAProxy with one thread, connections to the backend reused always.</summary>
internal sealed class HaproxyPeer : IPeer
{
    public string Name => "haproxy";

    public TimeSpan WarmUp => TimeSpan.FromSeconds(1);

    public ProcessStartInfo Configure(PeerSetup setup)
    {
        if (setup.AccessLog)
        {
            // HAProxy writes no log files itself; standard output, redirected to a file, is its nearest form.
            string script = $"exec haproxy -db -f '{setup.PathOf("haproxy.cfg")}' > '{setup.PathOf("haproxy.access")}'";
            File.WriteAllText(setup.PathOf("haproxy.cfg"), Text(setup));
            return new ProcessStartInfo("sh", ["-c", script]);
        }

        File.WriteAllText(setup.PathOf("haproxy.cfg"), Text(setup));
        return new ProcessStartInfo("haproxy", ["-db", "-f", setup.PathOf("haproxy.cfg")]);
    }

    private static string Bind(PeerSetup setup)
    {
        string tls = setup.Tls is not { } files ? ""
            : $" ssl crt {files.Joined}" + (setup.MutualTls ? $" ca-file {files.Roots} verify required" : "")
                + (setup.Mode.IstioTls ? $" ciphers {TlsFiles.IstioCiphers} alpn h2,http/1.1" : "");
        return tls + (setup.Mode.Http2 ? " proto h2" : "");
    }

    private static string Server(PeerSetup setup)
    {
        string tls = setup.UpstreamTls is not { } files ? "" : $" ssl ca-file {files.Roots} verify required verifyhost server crt {files.ClientJoined}";
        return tls + (setup.Mode.UpstreamHttp2 ? " proto h2" : "");
    }

    private static string Text(PeerSetup setup)
    {
        string mode = setup.Mode.Load == LoadKind.Tcp ? "tcp" : "http";
        string log = setup.AccessLog ? "log global\n  option httplog" : "";
        string globalLog = setup.AccessLog ? "log stdout format raw local0 info" : "";
        string http = setup.Mode.Load == LoadKind.Tcp ? "" : $"""
              http-reuse always
              option forwardfor
              http-request set-header x-bench 1
              http-request deny if !{"{"} req.hdr(host),map_str({setup.PathOf("hosts.map")}) -m found {"}"}
            """;
        var map = new StringBuilder();
        for (int i = 0; i < setup.Mode.Hosts; i++)
        {
            map.Append($"service-{i}.example.com backend\n");
        }

        File.WriteAllText(setup.PathOf("hosts.map"), map.ToString());
        return $"""
            global
              nbthread 1
              maxconn 21000
              no strict-limits
              {globalLog}
            defaults
              mode {mode}
              timeout connect 5s
              timeout client 600s
              timeout server 600s
              timeout tunnel 600s
              {log}
            listen proxy
              bind 127.0.0.1:{setup.Port}{Bind(setup)}
            {http}
              server one 127.0.0.1:{setup.BackendPort}{Server(setup)}

            """;
    }
}
