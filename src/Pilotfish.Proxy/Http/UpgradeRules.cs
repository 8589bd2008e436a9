using System.Text;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>Whether a request that asks for another protocol may have it: the route's word first, then the connection manager's.</summary>
internal static class UpgradeRules
{
    /// <summary>False when the request was refused with 403.</summary>
    public static bool Apply(HttpStream stream)
    {
        bool isConnect = stream.RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        if (stream.Upgrade is null && !isConnect)
        {
            return true;
        }

        byte[] name = Encoding.ASCII.GetBytes(stream.Upgrade ?? "CONNECT");
        bool allowed = (stream.Route?.Forward?.Upgrades.Allows(name) ?? stream.Hcm.Upgrades.Allows(name)) == true;
        if (allowed)
        {
            stream.CountUpgrade();
            return true;
        }

        stream.Worker.Stats.Add(stream.Hcm.Stats.RqUpgradeRefused);
        stream.Reply(403, [], EndReasons.UpgradeFailed);
        return false;
    }
}
