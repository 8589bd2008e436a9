using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>The URIs in a certificate's subjectAltName extension (RFC 5280 section 4.2.1.6).</summary>
internal static class CertificateUris
{
    private const string ExtensionOid = "2.5.29.17";
    private static readonly Asn1Tag s_uri = new(TagClass.ContextSpecific, 6);

    /// <summary>Empty as well for an extension that is no list of names.</summary>
    public static IReadOnlyList<string> Of(X509Certificate2 certificate)
    {
        List<string> uris = [];
        if (certificate.Extensions[ExtensionOid] is not { } extension)
        {
            return uris;
        }

        try
        {
            AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (names.PeekTag() == s_uri)
                {
                    uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, s_uri));
                }
                else
                {
                    names.ReadEncodedValue();
                }
            }
        }
        catch (AsnContentException)
        {
            // Nobody can read it; the caller says which name is missing.
        }

        return uris;
    }
}
