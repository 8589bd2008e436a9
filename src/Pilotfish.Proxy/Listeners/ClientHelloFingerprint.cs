using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Fingerprints of a client by its hello: JA3 (github.com/salesforce/ja3) and JA4 (github.com/FoxIO-LLC/ja4, JA4.md). Values of RFC 8701
/// (GREASE) count for neither. Made of a hello that was parsed before; anything that contradicts that gives null.
/// </summary>
internal sealed class ClientHelloFingerprint
{
    private const int RandomBytes = 32;
    private const int HashCharacters = 12;
    private const int CountMax = 99;
    private const string NoHash = "000000000000";
    private const ushort ServerName = 0;
    private const ushort Groups = 10;
    private const ushort PointFormats = 11;
    private const ushort Signatures = 13;
    private const ushort Alpn = 16;
    private const ushort Versions = 43;

    private readonly ushort _version;
    private readonly List<ushort> _ciphers;
    private readonly List<ushort> _extensions;
    private readonly List<ushort> _groups = [];
    private readonly List<ushort> _signatures = [];
    private readonly byte[] _pointFormats = [];
    private readonly byte[] _protocol = [];
    private readonly ushort _versionOffered;

    private ClientHelloFingerprint(ReadOnlySpan<byte> body)
    {
        _version = BinaryPrimitives.ReadUInt16BigEndian(body);
        _versionOffered = _version;
        body = body[(2 + RandomBytes)..];
        _extensions = [];
        ClientHelloParser.TryTake(ref body, 1, out _);
        ClientHelloParser.TryTake(ref body, 2, out ReadOnlySpan<byte> ciphers);
        _ciphers = Numbers(ciphers);
        ClientHelloParser.TryTake(ref body, 1, out _);
        ClientHelloParser.TryTake(ref body, 2, out ReadOnlySpan<byte> extensions);
        while (extensions.Length >= 2)
        {
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            extensions = extensions[2..];
            if (!ClientHelloParser.TryTake(ref extensions, 2, out ReadOnlySpan<byte> value))
            {
                return;
            }

            if (IsGrease(type))
            {
                continue;
            }

            _extensions.Add(type);
            switch (type)
            {
                case Groups when ClientHelloParser.TryTake(ref value, 2, out ReadOnlySpan<byte> groups):
                    _groups = Numbers(groups);
                    break;
                case PointFormats when ClientHelloParser.TryTake(ref value, 1, out ReadOnlySpan<byte> formats):
                    _pointFormats = formats.ToArray();
                    break;
                case Signatures when ClientHelloParser.TryTake(ref value, 2, out ReadOnlySpan<byte> signatures):
                    _signatures = Numbers(signatures);
                    break;
                case Alpn when ClientHelloParser.TryTake(ref value, 2, out ReadOnlySpan<byte> protocols)
                    && ClientHelloParser.TryTake(ref protocols, 1, out ReadOnlySpan<byte> first):
                    _protocol = first.ToArray();
                    break;
                case Versions when ClientHelloParser.TryTake(ref value, 1, out ReadOnlySpan<byte> versions):
                    _versionOffered = Highest(Numbers(versions), _version);
                    break;
                default:
                    break;
            }
        }
    }

    /// <param name="body">As the parser of hellos left it.</param>
    public static string Ja3(ReadOnlySpan<byte> body)
    {
        byte[] text = Encoding.ASCII.GetBytes(new ClientHelloFingerprint(body).Ja3Text());
#pragma warning disable CA5351 // JA3 is defined as MD5; it protects nothing.
        return Convert.ToHexStringLower(MD5.HashData(text));
#pragma warning restore CA5351
    }

    /// <param name="body">As the parser of hellos left it.</param>
    public static string Ja4(ReadOnlySpan<byte> body) => new ClientHelloFingerprint(body).Ja4Text();

    private string Ja3Text()
    {
        var formats = new List<ushort>();
        foreach (byte format in _pointFormats)
        {
            formats.Add(format);
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_version},{string.Join('-', _ciphers)},{string.Join('-', _extensions)},{string.Join('-', _groups)},{string.Join('-', formats)}");
    }

    private string Ja4Text()
    {
        string version = _versionOffered switch
        {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        char name = _extensions.Contains(ServerName) ? 'd' : 'i';
        List<ushort> hashed = _extensions.FindAll(static type => type is not (ServerName or Alpn));
        hashed.Sort();
        var ciphers = new List<ushort>(_ciphers);
        ciphers.Sort();
        string extensions = _signatures.Count == 0 ? Hex(hashed) : $"{Hex(hashed)}_{Hex(_signatures)}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"t{version}{name}{Math.Min(_ciphers.Count, CountMax):00}{Math.Min(_extensions.Count, CountMax):00}{ProtocolCharacters()}_{Hash(ciphers.Count, Hex(ciphers))}_{Hash(_extensions.Count, extensions)}");
    }

    /// <summary>First and last character of the first ALPN name; of one that has others than letters and digits there, of its hexadecimal form.</summary>
    private string ProtocolCharacters()
    {
        if (_protocol.Length == 0)
        {
            return "00";
        }

        byte first = _protocol[0];
        byte last = _protocol[^1];
        if (char.IsAsciiLetterOrDigit((char)first) && char.IsAsciiLetterOrDigit((char)last))
        {
            return $"{(char)first}{(char)last}";
        }

        string hex = Convert.ToHexStringLower(_protocol);
        return $"{hex[0]}{hex[^1]}";
    }

    private static string Hash(int count, string text) =>
        count == 0 ? NoHash : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)))[..HashCharacters];

    private static string Hex(List<ushort> numbers) =>
        string.Join(',', numbers.ConvertAll(static number => number.ToString("x4", CultureInfo.InvariantCulture)));

    private static List<ushort> Numbers(ReadOnlySpan<byte> bytes)
    {
        var numbers = new List<ushort>(bytes.Length / 2);
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            ushort number = BinaryPrimitives.ReadUInt16BigEndian(bytes);
            if (!IsGrease(number))
            {
                numbers.Add(number);
            }
        }

        return numbers;
    }

    private static ushort Highest(List<ushort> versions, ushort otherwise)
    {
        ushort highest = 0;
        foreach (ushort version in versions)
        {
            highest = Math.Max(highest, version);
        }

        return highest == 0 ? otherwise : highest;
    }

    // 0x0a0a, 0x1a1a, ... 0xfafa.
    private static bool IsGrease(ushort number) => (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}
