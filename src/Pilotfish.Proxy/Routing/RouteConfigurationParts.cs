using System.Runtime.InteropServices;
using Envoy.Config.Route.V3;
using Google.Protobuf;

namespace Pilotfish.Proxy.Routing;

/// <summary>A RouteConfiguration message taken apart: the places of its virtual hosts, and everything else parsed.</summary>
internal sealed record RouteConfigurationParts(RouteConfiguration Rest, IReadOnlyList<ReadOnlyMemory<byte>> VirtualHosts)
{
    private const int VirtualHostsTag = (RouteConfiguration.VirtualHostsFieldNumber << 3) | (int)WireFormat.WireType.LengthDelimited;

    /// <summary>Throws <see cref="InvalidProtocolBufferException"/> for bytes that are no message.</summary>
    public static RouteConfigurationParts Read(ReadOnlyMemory<byte> message)
    {
        byte[] bytes = MemoryMarshal.TryGetArray(message, out ArraySegment<byte> whole) && whole.Offset == 0 ? whole.Array! : message.ToArray();
        var input = new CodedInputStream(bytes, 0, message.Length);
        var rest = new MemoryStream();
        var hosts = new List<ReadOnlyMemory<byte>>();
        int begin = 0;
        while (input.ReadTag() is uint tag and not 0)
        {
            int start = (int)input.Position;
            input.SkipLastField();
            int end = (int)input.Position;
            if (tag == VirtualHostsTag)
            {
                start += LengthBytes(bytes, start);
                hosts.Add(new ReadOnlyMemory<byte>(bytes, start, end - start));
            }
            else
            {
                rest.Write(bytes, begin, end - begin);
            }

            begin = end;
        }

        return new RouteConfigurationParts(RouteConfiguration.Parser.ParseFrom(rest.GetBuffer(), 0, (int)rest.Length), hosts);
    }

    // The varint that tells a field's length, which was skipped as valid.
    private static int LengthBytes(byte[] bytes, int start)
    {
        int at = start;
        while ((bytes[at] & 0x80) != 0)
        {
            at++;
        }

        return at + 1 - start;
    }
}
