using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Pilotfish.Capture.Rules;

/// <summary>
/// An address with a prefix length, host bits kept: a rule prints what the operator wrote ("127.0.0.1/8" stays so).
/// </summary>
internal readonly record struct IpCidr(IPAddress Address, int PrefixBits)
{
    public static readonly IpCidr LoopbackV4 = new(IPAddress.Loopback, 32);
    public static readonly IpCidr LoopbackV6 = new(IPAddress.IPv6Loopback, 128);

    /// <summary>The inbound passthrough clusters bind to these, which is how their packets are told from the app's.</summary>
    public static readonly IpCidr InboundPassthroughV4 = new(IPAddress.Parse("127.0.0.6"), 32);

    public static readonly IpCidr InboundPassthroughV6 = new(IPAddress.Parse("::6"), 128);

    public bool IsV4 => Address.AddressFamily == AddressFamily.InterNetwork;

    public bool IsLoopback => IPAddress.IsLoopback(Address);

    public static IpCidr Host(IPAddress address) =>
        new(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);

    public static bool TryParse(string text, out IpCidr cidr)
    {
        cidr = default;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !TryParseAddress(text[..slash], out IPAddress? address))
        {
            return false;
        }

        string bits = text[(slash + 1)..];
        int bitsMax = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        bool plainNumber = bits.Length is > 0 and <= 3 && bits.All(char.IsAsciiDigit) && (bits == "0" || bits[0] != '0');
        if (!plainNumber || int.Parse(bits, CultureInfo.InvariantCulture) > bitsMax)
        {
            return false;
        }

        cidr = new IpCidr(address, int.Parse(bits, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>Strict: no octal or shortened IPv4, no zone. What IPAddress.Parse takes beyond that means another host.</summary>
    public static bool TryParseAddress(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        bool allowed = text.Length is > 1 and <= 45
            && text.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.');
        if (!allowed)
        {
            return false;
        }

        if (!text.Contains(':', StringComparison.Ordinal) && !IsDottedQuad(text))
        {
            return false;
        }

        return IPAddress.TryParse(text, out address);
    }

    public override string ToString() => $"{AddressText()}/{PrefixBits.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>.NET prints the last 32 bits of some IPv6 addresses as IPv4; ip6tables-save never does except for mapped ones.</summary>
    private string AddressText()
    {
        string text = Address.ToString();
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        if (IsV4 || dot < 0 || Address.IsIPv4MappedToIPv6)
        {
            return text;
        }

        byte[] bytes = Address.GetAddressBytes();
        int high = (bytes[12] << 8) | bytes[13];
        int low = (bytes[14] << 8) | bytes[15];
        string head = text[..(text.LastIndexOf(':') + 1)];
        return string.Create(CultureInfo.InvariantCulture, $"{head}{high:x}:{low:x}");
    }

    private static bool IsDottedQuad(string text)
    {
        string[] parts = text.Split('.');
        return parts.Length == 4 && parts.All(part =>
            part.Length is >= 1 and <= 3
            && part.All(char.IsAsciiDigit)
            && (part.Length == 1 || part[0] != '0')
            && int.Parse(part, CultureInfo.InvariantCulture) <= 255);
    }
}
