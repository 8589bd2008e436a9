using System.Formats.Asn1;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Names inside certificates, in the spelling that Envoy logs.</summary>
internal static class CertificateTexts
{
    // Context tags of GeneralName, RFC 5280 section 4.2.1.6.
    public const int OtherNameTag = 0;
    public const int EmailTag = 1;
    public const int DnsTag = 2;
    public const int UriTag = 6;
    public const int IpTag = 7;

    private const string SubjectAlternativeName = "2.5.29.17";

    public static string? Subject(X509Certificate2 certificate) => DistinguishedNameText.Of(certificate.SubjectName.RawData);

    public static string? Issuer(X509Certificate2 certificate) => DistinguishedNameText.Of(certificate.IssuerName.RawData);

    /// <summary>All names of one kind, comma separated; null when there is none or the extension is malformed.</summary>
    public static string? AlternativeNames(X509Certificate2 certificate, int tag)
    {
        string names = string.Join(',', AlternativeNameList(certificate, tag));
        return names.Length == 0 ? null : names;
    }

    /// <summary>The serial number as OpenSSL prints it: whole bytes in lower-case hexadecimal, without the one that only tells its sign.</summary>
    public static string Serial(X509Certificate2 certificate)
    {
        ReadOnlySpan<byte> bytes = certificate.SerialNumberBytes.Span;
        ReadOnlySpan<byte> number = bytes.TrimStart((byte)0);
        return number.IsEmpty ? "0" : Convert.ToHexStringLower(number);
    }

    /// <summary>All names of one kind; none when the extension is missing or malformed.</summary>
    public static IReadOnlyList<string> AlternativeNameList(X509Certificate2 certificate, int tag)
    {
        if (certificate.Extensions[SubjectAlternativeName] is not { } extension)
        {
            return [];
        }

        List<string> names = [];
        try
        {
            AsnReader sequence = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (sequence.HasData)
            {
                Asn1Tag next = sequence.PeekTag();
                if (next.TagClass == TagClass.ContextSpecific && next.TagValue == tag)
                {
                    if (ReadName(sequence, next) is { } name)
                    {
                        names.Add(name);
                    }
                }
                else
                {
                    sequence.ReadEncodedValue();
                }
            }
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            // The peer's certificate was accepted by TLS; a name that cannot be read is a missing log field, not a failure.
            return [];
        }

        return names;
    }

    private static string? ReadName(AsnReader names, Asn1Tag tag) => tag.TagValue switch
    {
        OtherNameTag => OtherName.Read(names.ReadSequence(tag)).Text is { } text ? Escaped(text) : null,
        IpTag => new IPAddress(names.ReadOctetString(tag)).ToString(),
        _ => Escaped(names.ReadCharacterString(UniversalTagNumber.IA5String, tag)),
    };

    // Controls would end a log line or a header; the rest of IA5 may stand in a name.
    private static string Escaped(string name)
    {
        if (!name.AsSpan().ContainsAnyInRange('\0', '\x1F') && !name.Contains('\x7F', StringComparison.Ordinal))
        {
            return name;
        }

        var text = new StringBuilder(name.Length + 8);
        foreach (char c in name)
        {
            _ = c is < ' ' or '\x7F' ? text.Append(CultureInfo.InvariantCulture, $"%{(int)c:X2}") : text.Append(c);
        }

        return text.ToString();
    }
}
