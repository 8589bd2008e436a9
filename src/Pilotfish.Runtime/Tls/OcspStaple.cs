using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// An OCSP response (RFC 6960 section 4.2.1) that a server staples to its certificate. Who configures it vouches for it: as in Envoy its
/// signature is the client's to check. Immutable; any thread.
/// </summary>
public sealed class OcspStaple
{
    private const string BasicResponseOid = "1.3.6.1.5.5.7.48.1.1";

    private readonly string _serial;

    private OcspStaple(byte[] der, string serial, DateTimeOffset validUntil)
    {
        (Der, _serial, ValidUntil) = (der, serial, validUntil);
    }

    /// <summary>nextUpdate. A response without one counts as out of date from the start, as in Envoy.</summary>
    public DateTimeOffset ValidUntil { get; }

    internal byte[] Der { get; }

    /// <summary>
    /// Throws <see cref="CryptographicException"/>, which says why, unless it is one successful basic response for exactly one certificate.
    /// </summary>
    public static OcspStaple Parse(byte[] der)
    {
        try
        {
            var all = new AsnReader(der, AsnEncodingRules.DER);
            AsnReader response = all.ReadSequence();
            all.ThrowIfNotEmpty();
            if (response.ReadEnumeratedBytes().Span is not [0])
            {
                throw new CryptographicException("the OCSP response was not successful");
            }

            AsnReader bytes = response.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadSequence();
            return bytes.ReadObjectIdentifier() == BasicResponseOid
                ? ParseBasic(der, bytes.ReadOctetString())
                : throw new CryptographicException("the OCSP response is of an unknown type");
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("the OCSP response is malformed", e);
        }
    }

    /// <summary>Whether it speaks of a certificate: by its serial number.</summary>
    public bool IsOf(X509Certificate2 certificate) => _serial == Convert.ToHexString(certificate.SerialNumberBytes.Span);

    public bool IsValid(DateTimeOffset now) => now <= ValidUntil;

    private static OcspStaple ParseBasic(byte[] der, byte[] basic)
    {
        AsnReader data = new AsnReader(basic, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        if (data.PeekTag().HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 0)))
        {
            data.ReadEncodedValue();
        }

        // The responder and when it answered.
        data.ReadEncodedValue();
        data.ReadGeneralizedTime();
        AsnReader answers = data.ReadSequence();
        AsnReader answer = answers.ReadSequence();
        if (answers.HasData)
        {
            throw new CryptographicException("the OCSP response must be for one certificate only");
        }

        AsnReader id = answer.ReadSequence();
        id.ReadEncodedValue();
        id.ReadOctetString();
        id.ReadOctetString();
        string serial = Convert.ToHexString(id.ReadIntegerBytes().Span);

        // Good, revoked or unknown is the client's to judge.
        answer.ReadEncodedValue();
        answer.ReadGeneralizedTime();
        var nextUpdate = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        DateTimeOffset until = answer.HasData && answer.PeekTag() == nextUpdate
            ? answer.ReadSequence(nextUpdate).ReadGeneralizedTime()
            : DateTimeOffset.MinValue;
        return new OcspStaple(der, serial, until);
    }
}
