using System.Diagnostics;
using System.Globalization;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>YARP on Kestrel, from its own small project.</summary>
internal sealed class YarpPeer(string program) : IPeer
{
    public string Name => "yarp";

    // Tiered compilation and its profile settle after some eight seconds.
    public TimeSpan WarmUp => TimeSpan.FromSeconds(10);

    public ProcessStartInfo? Configure(PeerSetup setup)
    {
        if (setup.Mode.Load == LoadKind.Tcp || setup.Mode.Pair || !File.Exists(program))
        {
            return null;
        }

        var start = new ProcessStartInfo("dotnet",
            [program, "--port", Text(setup.Port), "--backend", Text(setup.BackendPort), "--hosts", Text(setup.Mode.Hosts)]);
        Add("--log", setup.AccessLog ? setup.PathOf("yarp.access") : null);
        Add("--certificate", setup.Tls?.Server);
        Add("--key", setup.Tls?.ServerKey);
        Add("--roots", setup.MutualTls ? setup.Tls?.Roots : null);
        Add("--upstream", setup.UpstreamTls is not null ? "https" : setup.Mode.UpstreamHttp2 ? "h2c" : null);
        Add("--upstream-roots", setup.UpstreamTls?.Roots);
        Add("--protocols", setup.Mode.Http2 ? "Http2" : null);
        return start;

        void Add(string option, string? value)
        {
            if (value is not null)
            {
                start.ArgumentList.Add(option);
                start.ArgumentList.Add(value);
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
