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

        return Refuse(stream);
    }

    /// <summary>The same for a request that was let through before its route was known: the route may forbid it yet.</summary>
    public static bool ApplyRoute(HttpStream stream)
    {
        bool isConnect = stream.RequestHeaders[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        return (stream.Upgrade is null && !isConnect)
            || stream.Route?.Forward?.Upgrades.Allows(Encoding.ASCII.GetBytes(stream.Upgrade ?? "CONNECT")) != false
            || Refuse(stream);
    }

    private static bool Refuse(HttpStream stream)
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqUpgradeRefused);
        stream.Reply(403, [], EndReasons.UpgradeFailed);
        return false;
    }
}
