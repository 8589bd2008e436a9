using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Pilotfish.Runtime.Sockets;

/// <summary>
/// An address with port, or the path of a Unix socket. A plain value: copying, comparing and formatting to UTF-8 allocate nothing.
/// </summary>
public readonly struct NetAddress : IEquatable<NetAddress>
{
    /// <summary>Longest text that <see cref="TryFormat"/> writes for an IP address: [8 groups of 4]%10 digits:5 digits.</summary>
    public const int FormattedIpBytesMax = 64;

    private static readonly SearchValues<char> s_ipv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    private readonly ulong _high;
    private readonly ulong _low;
    private readonly string? _path;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly AddressFamilyKind _kind;

    private NetAddress(AddressFamilyKind kind, ulong high, ulong low, ushort port, uint scope, string? path)
    {
        _kind = kind;
        _high = high;
        _low = low;
        _port = port;
        _scope = scope;
        _path = path;
    }

    public AddressFamilyKind Kind => _kind;

    public bool IsNone => _kind == AddressFamilyKind.None;

    public bool IsIp => _kind is AddressFamilyKind.IPv4 or AddressFamilyKind.IPv6;

    public ushort Port => _port;

    /// <summary>The IPv6 zone index; 0 without one.</summary>
    public uint Scope => _scope;

    /// <summary>The Unix socket's path ('@' first for an abstract name); empty for IP addresses.</summary>
    public string UnixPath => _path ?? "";

    /// <summary>The address as a number for prefix matching: 32 bits for IPv4, 128 for IPv6.</summary>
    public UInt128 IpBits => new(_high, _low);

    public bool IsAny => IsIp && (_high | _low) == 0;

    public bool IsLoopback => _kind switch
    {
        AddressFamilyKind.IPv4 => _low >> 24 == 127,
        AddressFamilyKind.IPv6 => (_high == 0 && _low == 1) || (IsIPv4Mapped && ((_low >> 24) & 0xff) == 127),
        AddressFamilyKind.Unix => true,
        _ => false,
    };

    public bool IsIPv4Mapped => _kind == AddressFamilyKind.IPv6 && _high == 0 && _low >> 32 == 0xffff;

    public static NetAddress IPv4(uint address, ushort port) => new(AddressFamilyKind.IPv4, 0, address, port, 0, null);

    public static NetAddress IPv4(byte a, byte b, byte c, byte d, ushort port) =>
        IPv4(((uint)a << 24) | ((uint)b << 16) | ((uint)c << 8) | d, port);

    public static NetAddress IPv6(UInt128 address, ushort port, uint scope = 0) =>
        new(AddressFamilyKind.IPv6, (ulong)(address >> 64), (ulong)address, port, scope, null);

    public static NetAddress Unix(string path) => new(AddressFamilyKind.Unix, 0, 0, 0, 0, path);

    public static NetAddress Loopback(ushort port) => IPv4(127, 0, 0, 1, port);

    public static NetAddress LoopbackIPv6(ushort port) => IPv6(UInt128.One, port);

    public static NetAddress From(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        return written == 4
            ? IPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes), (ushort)port)
            : IPv6(BinaryPrimitives.ReadUInt128BigEndian(bytes), (ushort)port,
                address.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)address.ScopeId : 0);
    }

    /// <summary>
    /// Reads an IP literal such as 10.0.0.1 or fe80::1%2: what inet_pton(3) takes, and a zone. No brackets, no port, no octal.
    /// </summary>
    public static bool TryParseIp(ReadOnlySpan<char> text, ushort port, out NetAddress address)
    {
        // IPAddress takes more, as the old inet_aton does (1.2, 0x7f.1, 010.0.0.1), and [::1]:80 and "::%", and each means something else elsewhere.
        if (IPAddress.TryParse(text, out IPAddress? ip) && (text.Contains(':') ? IsIPv6Literal(text) : IsDottedQuad(text)))
        {
            address = From(ip, port);
            return true;
        }

        address = default;
        return false;
    }

    /// <summary>Reads 0 to 65535 in decimal digits. .NET alone also reads digits with NULs behind them.</summary>
    public static bool TryParsePort(ReadOnlySpan<char> text, out ushort port)
    {
        port = 0;
        return !text.ContainsAnyExceptInRange('0', '9') && ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
    }

    /// <summary>Reads 1.2.3.4:80, [::1]:80 or unix:PATH.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out NetAddress address)
    {
        address = default;
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            address = Unix(text[5..].ToString());
            return text.Length > 5;
        }

        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !TryParsePort(text[(colon + 1)..], out ushort port))
        {
            return false;
        }

        ReadOnlySpan<char> host = text[..colon];
        bool bracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (bracketed == !host.Contains(':'))
        {
            return false;
        }

        return TryParseIp(bracketed ? host[1..^1] : host, port, out address);
    }

    public static NetAddress Parse(string text) => TryParse(text, out NetAddress address)
        ? address
        : throw new FormatException($"'{text}' is no address; write 10.0.0.1:80, [::1]:80 or unix:PATH.");

    public NetAddress WithPort(int port) => new(_kind, _high, _low, (ushort)port, _scope, _path);

    /// <summary>The IPv4 address inside an IPv4-mapped IPv6 address; itself otherwise.</summary>
    public NetAddress Unmap() => IsIPv4Mapped ? IPv4((uint)_low, _port) : this;

    /// <summary>4 or 16 bytes in network order.</summary>
    public bool TryWriteIpBytes(Span<byte> bytes, out int written)
    {
        written = _kind switch { AddressFamilyKind.IPv4 => 4, AddressFamilyKind.IPv6 => 16, _ => 0 };
        if (written == 0 || bytes.Length < written)
        {
            written = 0;
            return false;
        }

        if (written == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)_low);
        }
        else
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes, IpBits);
        }

        return true;
    }

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!TryWriteIpBytes(bytes, out int written))
        {
            throw new InvalidOperationException($"'{this}' is not an IP address.");
        }

        return written == 4 ? new IPAddress(bytes[..4]) : new IPAddress(bytes, _scope);
    }

    /// <summary>Writes 10.0.0.1:80, [::1]:80 or the path as UTF-8.</summary>
    public bool TryFormat(Span<byte> utf8, out int written)
    {
        if (!IsIp)
        {
            return TryFormatIp(utf8, out written);
        }

        written = 0;
        int at = 0;
        bool v6 = _kind == AddressFamilyKind.IPv6;
        if (v6)
        {
            if (utf8.IsEmpty)
            {
                return false;
            }

            utf8[at++] = (byte)'[';
        }

        if (!TryFormatIp(utf8[at..], out int ip))
        {
            return false;
        }

        at += ip;
        if (utf8.Length < at + 2)
        {
            return false;
        }

        if (v6)
        {
            utf8[at++] = (byte)']';
        }

        utf8[at++] = (byte)':';
        if (!_port.TryFormat(utf8[at..], out int digits, default, CultureInfo.InvariantCulture))
        {
            return false;
        }

        written = at + digits;
        return true;
    }

    /// <summary>Writes the address without port, or the path, as UTF-8.</summary>
    public bool TryFormatIp(Span<byte> utf8, out int written) => _kind switch
    {
        AddressFamilyKind.IPv4 => NetAddressText.TryFormatIPv4((uint)_low, utf8, out written),
        AddressFamilyKind.IPv6 => NetAddressText.TryFormatIPv6(IpBits, _scope, utf8, out written),
        _ => Encoding.UTF8.TryGetBytes(_path ?? "", utf8, out written),
    };

    /// <summary>The address without port, or the path.</summary>
    public string IpToString()
    {
        Span<byte> utf8 = stackalloc byte[FormattedIpBytesMax];
        return IsIp && TryFormatIp(utf8, out int written) ? Encoding.ASCII.GetString(utf8[..written]) : UnixPath;
    }

    public override string ToString()
    {
        Span<byte> utf8 = stackalloc byte[FormattedIpBytesMax];
        return IsIp && TryFormat(utf8, out int written) ? Encoding.ASCII.GetString(utf8[..written]) : UnixPath;
    }

    public bool Equals(NetAddress other) => _kind == other._kind && _low == other._low && _high == other._high
        && _port == other._port && _scope == other._scope && _path == other._path;

    public override bool Equals(object? obj) => obj is NetAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_kind, _high, _low, _port, _scope, _path);

    public static bool operator ==(NetAddress left, NetAddress right) => left.Equals(right);

    public static bool operator !=(NetAddress left, NetAddress right) => !left.Equals(right);

    private static bool IsDottedQuad(ReadOnlySpan<char> text)
    {
        if (text.Count('.') != 3)
        {
            return false;
        }

        foreach (Range part in text.Split('.'))
        {
            ReadOnlySpan<char> digits = text[part];
            if (digits.Length is 0 or > 3 || digits.ContainsAnyExceptInRange('0', '9') || (digits[0] == '0' && digits.Length > 1))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsIPv6Literal(ReadOnlySpan<char> text)
    {
        int percent = text.IndexOf('%');
        ReadOnlySpan<char> digits = percent < 0 ? text : text[..percent];
        int dot = digits.IndexOf('.');
        return percent != text.Length - 1 && !digits.ContainsAnyExcept(s_ipv6Characters)
            && (dot < 0 || IsDottedQuad(digits[(digits.LastIndexOf(':') + 1)..]));
    }
}
