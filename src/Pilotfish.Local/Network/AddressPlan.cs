using System.Net;

namespace Pilotfish.Local.Network;

/// <summary>
/// Addresses inside the mesh. They exist only in the node's and the pods' namespaces, so two meshes may use the same.
/// </summary>
internal sealed class AddressPlan
{
    /// <summary>The node's own address: control plane, source of probes.</summary>
    public static readonly IPAddress Node = IPAddress.Parse("10.244.0.1");

    /// <summary>Where cluster DNS conventionally is.</summary>
    public static readonly IPAddress Dns = IPAddress.Parse("10.96.0.10");

    /// <summary>The control plane's service; both it and DNS are addresses of the node itself.</summary>
    public static readonly IPAddress ControlPlane = IPAddress.Parse("10.96.0.11");

    public const string ServiceRange = "10.96.0.0/16";

    /// <summary>Every pod's gateway: an address that only its own link answers for.</summary>
    public static readonly IPAddress Gateway = IPAddress.Parse("169.254.1.1");

    /// <summary>The hardware address of the node's end of every link, so that no pod has to ask for it.</summary>
    public const string GatewayHardware = "ee:ee:ee:ee:ee:ee";

    private const uint PodBase = 0x0AF40000;
    private const uint PodFirst = PodBase + 10;

    /// <summary>10.244.0.0/16 less its ends; a machine runs out of memory long before.</summary>
    private const uint PodLast = PodBase + 0xFFF0;

    private const uint ServiceFirst = 0x0A600064;
    private const uint ServiceLast = 0x0A60FFF0;

    private readonly HashSet<uint> _pods = [];
    private readonly HashSet<uint> _services = [ToNumber(Dns), ToNumber(ControlPlane)];
    private uint _nextPod = PodFirst;
    private uint _nextService = ServiceFirst;

    /// <summary>The next free address. Freed ones come again only after all others, so that late packets meet nobody.</summary>
    public IPAddress TakePod() => Take(_pods, ref _nextPod, PodFirst, PodLast, "pods");

    public IPAddress TakeService() => Take(_services, ref _nextService, ServiceFirst, ServiceLast, "services");

    /// <summary>False when somebody has that address.</summary>
    public bool TryTakeService(IPAddress address) => _services.Add(ToNumber(address));

    public void FreePod(IPAddress address) => _pods.Remove(ToNumber(address));

    public void FreeService(IPAddress address) => _services.Remove(ToNumber(address));

    private static IPAddress Take(HashSet<uint> taken, ref uint next, uint first, uint last, string of)
    {
        for (uint tried = first; tried <= last; tried++)
        {
            uint candidate = next;
            next = next == last ? first : next + 1;
            if (taken.Add(candidate))
            {
                return ToAddress(candidate);
            }
        }

        throw new LocalException($"All addresses for {of} are in use ({last - first + 1}).");
    }

    private static uint ToNumber(IPAddress address) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private static IPAddress ToAddress(uint number)
    {
        byte[] bytes = new byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
