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
        if (setup.Tls is not null || setup.Tcp || !File.Exists(program))
        {
            return null;
        }

        var start = new ProcessStartInfo("dotnet", [program, Text(setup.Port), Text(setup.BackendPort), Text(setup.Hosts)]);
        if (setup.AccessLog)
        {
            start.ArgumentList.Add(setup.PathOf("yarp.access"));
        }

        return start;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
