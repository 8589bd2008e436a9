using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// upstream_connection_options.happy_eyeballs_config: in which order a host's addresses are tried. So many of one family come first, then one of
/// the other, and so on; each family keeps its own order.
/// </summary>
/// <param name="First">The family that begins; none = that of the first address.</param>
/// <param name="Count">How many of it come before one of the other; 1 or more.</param>
public sealed record AddressOrder(AddressFamilyKind? First, int Count)
{
    public static readonly AddressOrder Default = new(null, 1);

    internal static AddressOrder Compile(UpstreamConnectionOptions.Types.HappyEyeballsConfig? config)
    {
        if (config is null)
        {
            return Default;
        }

        return config.FirstAddressFamilyCount is not 0
            ? new AddressOrder(
                config.FirstAddressFamilyVersion switch
                {
                    UpstreamConnectionOptions.Types.FirstAddressFamilyVersion.V4 => AddressFamilyKind.IPv4,
                    UpstreamConnectionOptions.Types.FirstAddressFamilyVersion.V6 => AddressFamilyKind.IPv6,
                    _ => null,
                },
                (int)Math.Min(int.MaxValue, config.FirstAddressFamilyCount ?? 1))
            : throw new ConfigRejectedException("upstream_connection_options.happy_eyeballs_config.first_address_family_count", "at least one is needed");
    }

    /// <summary>All addresses of a host in their order.</summary>
    internal List<NetAddress> Of(NetAddress address, IReadOnlyList<NetAddress> more)
    {
        var begins = new Queue<NetAddress>();
        var others = new Queue<NetAddress>();
        AddressFamilyKind first = First ?? address.Kind;
        Add(address);
        foreach (NetAddress another in more)
        {
            Add(another);
        }

        var order = new List<NetAddress>(1 + more.Count);
        while (begins.Count + others.Count > 0)
        {
            for (int i = 0; i < Count && begins.TryDequeue(out NetAddress next); i++)
            {
                order.Add(next);
            }

            if (others.TryDequeue(out NetAddress other))
            {
                order.Add(other);
            }
        }

        return order;

        void Add(NetAddress one) => (one.Kind == first ? begins : others).Enqueue(one);
    }
}
