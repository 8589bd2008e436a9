using System.Globalization;
using System.Net;
using System.Text;
using Pilotfish.Local.Sandboxes;

namespace Pilotfish.Local.Network;

/// <summary>
/// kube-proxy's role: in the node's namespace service addresses become pod addresses, each endpoint with equal chance.
/// The whole table is replaced in one transaction; connections that exist keep the endpoint they have.
/// </summary>
internal sealed class ServiceRules(Sandbox node)
{
    /// <summary>How long a client with sessionAffinity stays with its pod; Kubernetes' default.</summary>
    private const int StickySeconds = 10800;

    /// <summary>Refused at once, as kube-proxy does: a client must not wait for a service without pods.</summary>
    private static readonly string s_refuseRest = $"""
        *filter
        :FORWARD ACCEPT
        :OUTPUT ACCEPT
        -A FORWARD -d {AddressPlan.ServiceRange} -p tcp -j REJECT --reject-with tcp-reset
        -A FORWARD -d {AddressPlan.ServiceRange} -j REJECT --reject-with icmp-port-unreachable
        -A OUTPUT -d {AddressPlan.ServiceRange} ! -o lo -p tcp -j REJECT --reject-with tcp-reset
        COMMIT

        """;

    private string _applied = string.Empty;

    public async Task ApplyAsync(IEnumerable<ServiceRoute> routes, IEnumerable<IPAddress> pods)
    {
        string text = Build([.. routes], [.. pods]);
        if (text == _applied)
        {
            return;
        }

        await HostCommand.RunAsync(
            "nsenter", ["--net=" + node.NetworkNamespacePath, "--", "iptables-restore", "--wait=5"], text);
        _applied = text;
    }

    /// <summary>Internal for testing.</summary>
    internal static string Build(IReadOnlyList<ServiceRoute> routes, IReadOnlyList<IPAddress> pods)
    {
        var nat = new StringBuilder("*nat\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:PF-SERVICES -\n");
        var rules = new StringBuilder("-A PREROUTING -j PF-SERVICES\n-A OUTPUT -j PF-SERVICES\n");
        for (int i = 0; i < routes.Count; i++)
        {
            ServiceRoute route = routes[i];
            string match = string.Create(
                CultureInfo.InvariantCulture, $"-d {route.Address}/32 -p {route.Protocol} --dport {route.Port}");
            if (route.Endpoints.Count == 0)
            {
                continue;
            }

            string chain = string.Create(CultureInfo.InvariantCulture, $"PF-SVC-{i}");
            nat.Append(CultureInfo.InvariantCulture, $":{chain} -\n");
            rules.Append(CultureInfo.InvariantCulture, $"-A PF-SERVICES {match} -j {chain}\n");
            AppendEndpoints(route, chain, i, nat, rules);
        }

        foreach (IPAddress pod in pods)
        {
            // A pod that reaches itself through a service would see its own address as sender and drop the packet.
            rules.Append(CultureInfo.InvariantCulture, $"-A POSTROUTING -s {pod}/32 -d {pod}/32 -j MASQUERADE\n");
        }

        return nat.Append(rules).Append("COMMIT\n").Append(s_refuseRest).ToString();
    }

    private static void AppendEndpoints(ServiceRoute route, string chain, int index, StringBuilder nat, StringBuilder rules)
    {
        for (int e = 0; e < route.Endpoints.Count; e++)
        {
            string target = string.Create(CultureInfo.InvariantCulture, $"PF-SEP-{index}-{e}");
            string recent = string.Create(CultureInfo.InvariantCulture, $"-m recent --name {target}");
            nat.Append(CultureInfo.InvariantCulture, $":{target} -\n");
            if (route.IsSticky)
            {
                rules.Append(CultureInfo.InvariantCulture, $"-A {chain} {recent} --rcheck --seconds {StickySeconds} --reap -j {target}\n");
                rules.Append(CultureInfo.InvariantCulture, $"-A {target} {recent} --set\n");
            }

            rules.Append(CultureInfo.InvariantCulture, $"-A {target} -p {route.Protocol} -j DNAT --to-destination {route.Endpoints[e]}\n");
        }

        for (int e = 0; e < route.Endpoints.Count; e++)
        {
            // The first takes 1/n, the next 1/(n-1) of the rest, the last all that is left.
            int left = route.Endpoints.Count - e;
            string chance = left == 1
                ? string.Empty
                : string.Create(CultureInfo.InvariantCulture, $" -m statistic --mode random --probability {1.0 / left:0.0000000000}");
            rules.Append(CultureInfo.InvariantCulture, $"-A {chain}{chance} -j PF-SEP-{index}-{e}\n");
        }
    }
}
