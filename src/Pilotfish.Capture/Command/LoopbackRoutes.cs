using System.Globalization;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Processes;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Command;

/// <summary>
/// What capture needs beside rules: the address ::6 on lo (127.0.0.6 needs none, 127/8 is all local), and for TPROXY
/// a routing table that takes marked packets to lo.
/// </summary>
internal sealed class LoopbackRoutes(ICommandRunner runner, CaptureConfig config)
{
    private readonly string _mark = config.TproxyMark.ToString(CultureInfo.InvariantCulture);
    private readonly string _table = config.TproxyRouteTable.ToString(CultureInfo.InvariantCulture);

    private IEnumerable<string> Families => config.IPv6 ? ["-4", "-6"] : ["-4"];

    public void Set()
    {
        if (config.IPv6)
        {
            // nodad: the address must be usable at once; on lo nobody else can have it.
            Demand("-6", "addr", "replace", IpCidr.InboundPassthroughV6.ToString(), "dev", "lo", "nodad");
        }

        if (!config.TproxyRoutesAreNeeded)
        {
            return;
        }

        foreach (string family in Families)
        {
            // Rules, unlike routes, may be added twice: an earlier run's is taken away first.
            runner.Run("ip", [family, "rule", "del", "fwmark", _mark, "lookup", _table]);
            Demand(family, "rule", "add", "fwmark", _mark, "lookup", _table);
            Demand(family, "route", "replace", "local", "default", "dev", "lo", "table", _table);
        }
    }

    /// <summary>Takes back what a run with these flags set; what is not there is no failure.</summary>
    public void Remove()
    {
        if (config.IPv6)
        {
            runner.Run("ip", ["-6", "addr", "del", IpCidr.InboundPassthroughV6.ToString(), "dev", "lo"]);
        }

        if (!config.TproxyRoutesAreNeeded)
        {
            return;
        }

        foreach (string family in Families)
        {
            runner.Run("ip", [family, "rule", "del", "fwmark", _mark, "lookup", _table]);
            runner.Run("ip", [family, "route", "flush", "table", _table]);
        }
    }

    private void Demand(params string[] args)
    {
        CommandResult result = runner.Run("ip", args);
        if (result.IsMissing)
        {
            throw new CaptureException("The program 'ip' was not found. Install it with 'apt-get install iproute2'.");
        }

        if (result.ExitCode != 0)
        {
            throw IptablesFaults.Failed("ip " + string.Join(' ', args), result.ErrorText);
        }
    }
}
