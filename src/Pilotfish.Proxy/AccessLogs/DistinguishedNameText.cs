using System.Collections.Frozen;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>
/// Distinguished names as OpenSSL prints them with XN_FLAG_RFC2253, which Envoy logs and forwards: most specific first, the values of a set joined
/// by "+", everything escaped that could be taken for something else or is no printable ASCII. Who names himself in a certificate may write anything.
/// </summary>
internal static class DistinguishedNameText
{
    private const string Special = ",+\"\\<>;";

    // OpenSSL's short names.
    private static readonly FrozenDictionary<string, string> s_keys = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["2.5.4.3"] = "CN", ["2.5.4.4"] = "SN", ["2.5.4.5"] = "serialNumber", ["2.5.4.6"] = "C", ["2.5.4.7"] = "L", ["2.5.4.8"] = "ST",
        ["2.5.4.9"] = "street", ["2.5.4.10"] = "O", ["2.5.4.11"] = "OU", ["2.5.4.12"] = "title", ["2.5.4.13"] = "description",
        ["2.5.4.15"] = "businessCategory", ["2.5.4.17"] = "postalCode", ["2.5.4.20"] = "telephoneNumber", ["2.5.4.41"] = "name", ["2.5.4.42"] = "GN",
        ["2.5.4.43"] = "initials", ["2.5.4.44"] = "generationQualifier", ["2.5.4.46"] = "dnQualifier", ["2.5.4.65"] = "pseudonym",
        ["2.5.4.97"] = "organizationIdentifier", ["1.2.840.113549.1.9.1"] = "emailAddress", ["1.2.840.113549.1.9.2"] = "unstructuredName",
        ["0.9.2342.19200300.100.1.1"] = "UID", ["0.9.2342.19200300.100.1.25"] = "DC", ["1.3.6.1.4.1.311.60.2.1.1"] = "jurisdictionL",
        ["1.3.6.1.4.1.311.60.2.1.2"] = "jurisdictionST", ["1.3.6.1.4.1.311.60.2.1.3"] = "jurisdictionC",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Null for an empty name, and for one that is malformed.</summary>
    /// <param name="der">An X.501 Name.</param>
    public static string? Of(ReadOnlyMemory<byte> der)
    {
        try
        {
            return Read(new AsnReader(der, AsnEncodingRules.BER).ReadSequence());
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            // TLS took the certificate; a name that cannot be read is a missing log field, not a failure.
            return null;
        }
    }

    private static string? Read(AsnReader name)
    {
        var parts = new List<(int Set, string Text)>();
        for (int set = 0; name.HasData; set++)
        {
            AsnReader values = name.ReadSetOf(skipSortOrderValidation: true);
            while (values.HasData)
            {
                AsnReader pair = values.ReadSequence();
                string oid = pair.ReadObjectIdentifier();
                ReadOnlyMemory<byte> value = pair.ReadEncodedValue();
                parts.Add((set, s_keys.TryGetValue(oid, out string? key) ? $"{key}={Value(value)}" : $"{oid}={Dump(value)}"));
            }
        }

        if (parts.Count == 0)
        {
            return null;
        }

        var text = new StringBuilder(parts[^1].Text);
        for (int i = parts.Count - 2; i >= 0; i--)
        {
            text.Append(parts[i].Set == parts[i + 1].Set ? '+' : ',').Append(parts[i].Text);
        }

        return text.ToString();
    }

    private static string Value(ReadOnlyMemory<byte> encoded)
    {
        try
        {
            var reader = new AsnReader(encoded, AsnEncodingRules.BER);
            return reader.PeekTag() is { TagClass: TagClass.Universal } tag && (UniversalTagNumber)tag.TagValue is
                UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String or UniversalTagNumber.T61String
                or UniversalTagNumber.BMPString or UniversalTagNumber.NumericString or UniversalTagNumber.VisibleString
                ? Escape(Encoding.UTF8.GetBytes(reader.ReadCharacterString((UniversalTagNumber)tag.TagValue)))
                : Dump(encoded);
        }
        catch (AsnContentException)
        {
            // Bytes that are none of its kind of text.
            return Dump(encoded);
        }
    }

    private static string Dump(ReadOnlyMemory<byte> encoded) => "#" + Convert.ToHexString(encoded.Span);

    private static string Escape(ReadOnlySpan<byte> value)
    {
        var text = new StringBuilder(value.Length);
        for (int i = 0; i < value.Length; i++)
        {
            char c = (char)value[i];
            if (c is < ' ' or >= (char)0x7F)
            {
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\{(int)c:X2}");
                continue;
            }

            if (Special.Contains(c, StringComparison.Ordinal) || (i == 0 && (c is '#' or ' ')) || (i == value.Length - 1 && c == ' '))
            {
                text.Append('\\');
            }

            text.Append(c);
        }

        return text.ToString();
    }
}
