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

    private static string Tls(PeerSetup setup) => setup.Tls is not { } files ? ""
        : $" ssl crt {files.Joined}" + (setup.MutualTls ? $" ca-file {files.Roots} verify required" : "");

    private static string Text(PeerSetup setup)
    {
        string mode = setup.Tcp ? "tcp" : "http";
        string log = setup.AccessLog ? "log global\n  option httplog" : "";
        string globalLog = setup.AccessLog ? "log stdout format raw local0 info" : "";
        string http = setup.Tcp ? "" : $"""
              http-reuse always
              option forwardfor
              http-request set-header x-bench 1
              http-request deny if !{"{"} req.hdr(host),map_str({setup.PathOf("hosts.map")}) -m found {"}"}
            """;
        var map = new StringBuilder();
        for (int i = 0; i < setup.Hosts; i++)
        {
            map.Append($"service-{i}.example.com backend\n");
        }

        File.WriteAllText(setup.PathOf("hosts.map"), map.ToString());
        return $"""
            global
              nbthread 1
              maxconn 9000
              {globalLog}
            defaults
              mode {mode}
              timeout connect 5s
              timeout client 600s
              timeout server 600s
              {log}
            listen proxy
              bind 127.0.0.1:{setup.Port}{Tls(setup)}
            {http}
              server one 127.0.0.1:{setup.BackendPort}

            """;
    }
}
