using System.Text;
using Pilotfish.Proxy.Tunnels;

namespace Pilotfish.Proxy.Routing;

/// <summary>Protocol upgrades (websocket, CONNECT) allowed or forbidden by one level of config; the route's word counts before the HCM's.</summary>
public sealed class UpgradePolicy
{
    public static readonly UpgradePolicy None = new([]);

    private readonly (byte[] Name, bool Enabled)[] _entries;

    private UpgradePolicy((byte[] Name, bool Enabled)[] entries) => _entries = entries;

    /// <summary>connect_config of a route's CONNECT; null for none.</summary>
    public ConnectTermination? Connect { get; private init; }

    public static UpgradePolicy Of(IEnumerable<(string Name, bool Enabled)> entries, ConnectTermination? connect = null)
    {
        var compiled = new List<(byte[], bool)>();
        foreach ((string name, bool enabled) in entries)
        {
            compiled.Add((Encoding.ASCII.GetBytes(name), enabled));
        }

        return new UpgradePolicy([.. compiled]) { Connect = connect };
    }

    /// <summary>Null when this level does not mention the upgrade.</summary>
    public bool? Allows(ReadOnlySpan<byte> name)
    {
        foreach ((byte[] known, bool enabled) in _entries)
        {
            if (Ascii.EqualsIgnoreCase(known, name))
            {
                return enabled;
            }
        }

        return null;
    }
}
