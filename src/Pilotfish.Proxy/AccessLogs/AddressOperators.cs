using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Addresses of both connections, with, without or only the port.</summary>
internal static class AddressOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        Add(all, "DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_PORT", static i => i.ClientAddress);
        Add(all, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "DOWNSTREAM_DIRECT_REMOTE_PORT", static i => i.Connection.DirectRemoteAddress);
        Add(all, "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_PORT", static i => i.Connection.LocalAddress);
        Add(all, "DOWNSTREAM_DIRECT_LOCAL_ADDRESS", "DOWNSTREAM_DIRECT_LOCAL_PORT", static i => i.Connection.DirectLocalAddress);
        Add(all, "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_LOCAL_PORT", static i => i.Upstream.LocalAddress);
        Add(all, "UPSTREAM_REMOTE_ADDRESS", "UPSTREAM_REMOTE_PORT", static i => i.Upstream.RemoteAddress);
        all.AddPlain("UPSTREAM_HOST", static (in FormatSource s, FormatOutput output) =>
            s.Info.Upstream.HasHost ? WriteAddress(output, s.Info.Upstream.HostAddress) : FormatValueKind.Missing);
        all.AddPlain("UPSTREAM_HOST_NAME", static (in FormatSource s, FormatOutput output) => HostName(s.Info, output, port: true));
        all.AddPlain("UPSTREAM_HOST_NAME_WITHOUT_PORT",
            static (in FormatSource s, FormatOutput output) => HostName(s.Info, output, port: false));

        // Internal listeners give these addresses an endpoint id; socket addresses have none.
        foreach (string name in (string[])
            ["UPSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_DIRECT_LOCAL_ADDRESS"])
        {
            all.AddPlain(name + "_ENDPOINT_ID", static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing);
        }
    }

    private static void Add(
        Dictionary<string, Func<FormatOperator, FormatOperation>> all, string name, string portName, Func<StreamInfo, NetAddress> address)
    {
        all.AddPlain(name, (in FormatSource s, FormatOutput output) => WriteAddress(output, address(s.Info)));
        all.Add(name + "_WITHOUT_PORT", source => WithoutPort(source, address));
        all.AddPlain(portName, (in FormatSource s, FormatOutput output) =>
        {
            NetAddress value = address(s.Info);
            if (!value.IsIp)
            {
                return FormatValueKind.Missing;
            }

            output.Append(value.Port);
            return FormatValueKind.Number;
        });
    }

    private static FormatOperation WithoutPort(FormatOperator source, Func<StreamInfo, NetAddress> address)
    {
        return AddressArguments.Parse(source).PrefixLength is { } prefix
            ? (in FormatSource s, FormatOutput output) => WriteMasked(output, address(s.Info), prefix)
            : (in FormatSource s, FormatOutput output) => WriteIp(output, address(s.Info));
    }

    private static FormatValueKind WriteAddress(FormatOutput output, NetAddress address)
    {
        if (address.IsNone)
        {
            return FormatValueKind.Missing;
        }

        address.TryFormat(output.Reserve(RoomFor(address)), out int written);
        output.Advance(written);
        return FormatValueKind.Text;
    }

    private static FormatValueKind WriteIp(FormatOutput output, NetAddress address)
    {
        if (address.IsNone)
        {
            return FormatValueKind.Missing;
        }

        address.TryFormatIp(output.Reserve(RoomFor(address)), out int written);
        output.Advance(written);
        return FormatValueKind.Text;
    }

    private static FormatValueKind WriteMasked(FormatOutput output, NetAddress address, int prefix)
    {
        int width = address.Kind switch
        {
            AddressFamilyKind.IPv4 => 32,
            AddressFamilyKind.IPv6 => 128,
            _ => 0,
        };
        if (width == 0 || prefix > width)
        {
            return FormatValueKind.Missing;
        }

        UInt128 mask = prefix == 0 ? UInt128.Zero : UInt128.MaxValue << (width - prefix);
        UInt128 bits = address.IpBits & mask;
        WriteIp(output, width == 32 ? NetAddress.IPv4((uint)bits, 0) : NetAddress.IPv6(bits, 0));
        output.Append((byte)'/');
        output.Append(prefix);
        return FormatValueKind.Text;
    }

    private static FormatValueKind HostName(StreamInfo info, FormatOutput output, bool port)
    {
        if (!info.Upstream.HasHost)
        {
            return FormatValueKind.Missing;
        }

        if (string.IsNullOrEmpty(info.Upstream.Hostname))
        {
            return port ? WriteAddress(output, info.Upstream.HostAddress) : WriteIp(output, info.Upstream.HostAddress);
        }

        ReadOnlySpan<char> name = info.Upstream.Hostname;
        int colon = name.LastIndexOf(':');
        output.Append(port || colon <= 0 ? name : name[..colon]);
        return FormatValueKind.Text;
    }

    private static int RoomFor(NetAddress address) =>
        address.IsIp ? NetAddress.FormattedIpBytesMax : address.UnixPath.Length * 3;
}
