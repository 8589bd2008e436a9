using System.Globalization;
using System.Net;
using Pilotfish.Local.Sandboxes;

namespace Pilotfish.Local.Network;

/// <summary>
/// Joins pods to the node by routed links (no bridge): each packet between pods crosses the node's stack, where
/// service addresses are translated both ways. On a bridge the answer would take the short way and miss that.
/// </summary>
internal sealed class PodLinks(Sandbox node)
{
    private int _last;

    /// <summary>Makes the link; it disappears with either namespace.</summary>
    public async Task JoinAsync(Sandbox pod, IPAddress address)
    {
        string link = "pf" + Interlocked.Increment(ref _last).ToString(CultureInfo.InvariantCulture);
        string init = pod.InitPid.ToString(CultureInfo.InvariantCulture);
        await InNetworkAsync(node, $"""
            link add {link} address {AddressPlan.GatewayHardware} type veth peer name eth0 netns {init}
            link set {link} up
            route add {address}/32 dev {link}
            """);
        await InNetworkAsync(pod, $"""
            addr add {address}/32 dev eth0
            link set eth0 up
            neigh add {AddressPlan.Gateway} lladdr {AddressPlan.GatewayHardware} dev eth0 nud permanent
            route add {AddressPlan.Gateway} dev eth0 scope link
            route add default via {AddressPlan.Gateway} src {address}
            """);
    }

    private static Task InNetworkAsync(Sandbox sandbox, string batch) => HostCommand.RunAsync(
        "nsenter", ["--net=" + sandbox.NetworkNamespacePath, "--", "ip", "-batch", "-"], batch + "\n");
}
