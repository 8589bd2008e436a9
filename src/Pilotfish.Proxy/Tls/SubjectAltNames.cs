using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Pilotfish.Proxy.Tls;

/// <summary>The names of a certificate's subjectAltName extension (RFC 5280 section 4.2.1.6) by kind.</summary>
internal static class SubjectAltNames
{
    private const string ExtensionOid = "2.5.29.17";
    private const int EmailTag = 1;
    private const int DnsTag = 2;
    private const int UriTag = 6;
    private const int IpTag = 7;

    private static readonly Asn1Tag s_otherName = new(TagClass.ContextSpecific, 0, isConstructed: true);

    public static List<SubjectAltName> Read(X509Certificate2 certificate)
    {
        var names = new List<SubjectAltName>();
        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == ExtensionOid)
            {
                Read(extension.RawData, names);
            }
        }

        return names;
    }

    /// <summary>The names as Envoy prints them in a failure.</summary>
    public static string Join(List<SubjectAltName> names)
    {
        var text = new StringBuilder();
        foreach ((SubjectAltNameKind kind, string name) in names)
        {
            text.Append(text.Length == 0 ? "" : ", ").Append(kind switch
            {
                SubjectAltNameKind.Uri => "URI:",
                SubjectAltNameKind.Dns => "DNS:",
                SubjectAltNameKind.Email => "EMAIL:",
                SubjectAltNameKind.OtherName => "OTHERNAME:",
                _ => "IP:",
            }).Append(name);
        }

        return text.ToString();
    }

    /// <summary>Whether a certificate's DNS name, maybe a wildcard for one left-most label, covers a name (RFC 9525 section 6.3).</summary>
    public static bool DnsMatches(string name, string pattern)
    {
        if (!pattern.StartsWith("*.", StringComparison.Ordinal))
        {
            return string.Equals(name, pattern, StringComparison.OrdinalIgnoreCase);
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && name.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase);
    }

    private static void Read(byte[] bytes, List<SubjectAltName> names)
    {
        try
        {
            AsnReader sequence = new AsnReader(bytes, AsnEncodingRules.DER).ReadSequence();
            while (sequence.HasData)
            {
                Asn1Tag tag = sequence.PeekTag();
                if (tag == s_otherName)
                {
                    OtherName other = OtherName.Read(sequence.ReadSequence(tag));
                    if (other.Text is not null)
                    {
                        names.Add(new SubjectAltName(SubjectAltNameKind.OtherName, other.Text, other.Oid));
                    }

                    continue;
                }

                byte[] value = tag.IsConstructed ? [] : sequence.PeekContentBytes().ToArray();
                sequence.ReadEncodedValue();
                if (tag.TagClass != TagClass.ContextSpecific || tag.IsConstructed)
                {
                    continue;
                }

                switch (tag.TagValue)
                {
                    case EmailTag:
                        names.Add(new SubjectAltName(SubjectAltNameKind.Email, Encoding.ASCII.GetString(value)));
                        break;
                    case DnsTag:
                        names.Add(new SubjectAltName(SubjectAltNameKind.Dns, Encoding.ASCII.GetString(value)));
                        break;
                    case UriTag:
                        names.Add(new SubjectAltName(SubjectAltNameKind.Uri, Encoding.ASCII.GetString(value)));
                        break;
                    case IpTag when value.Length is 4 or 16:
                        names.Add(new SubjectAltName(SubjectAltNameKind.IpAddress, new IPAddress(value).ToString()));
                        break;
                    default:
                        break;
                }
            }
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            // A malformed extension names nobody: whoever demands a name is refused, which is what must happen.
            names.Clear();
        }
    }
}
