using System.Formats.Asn1;
using System.Globalization;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// An otherName of a certificate (RFC 5280 section 4.2.1.6): <c>SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }</c>.
/// </summary>
/// <param name="Oid">Its kind, dotted.</param>
/// <param name="Text">The value in Envoy's words (SubjectAltNameMatcher.matcher); null for one that has none.</param>
internal readonly record struct OtherName(string Oid, string? Text)
{
    /// <summary>Throws <see cref="AsnContentException"/> on malformed bytes.</summary>
    public static OtherName Read(AsnReader name)
    {
        string oid = name.ReadObjectIdentifier();
        AsnReader value = name.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
        Asn1Tag tag = value.PeekTag();
        return new OtherName(oid, tag.TagClass == TagClass.Universal ? TextOf(value, (UniversalTagNumber)tag.TagValue) : null);
    }

    private static string? TextOf(AsnReader value, UniversalTagNumber kind) => kind switch
    {
        UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String or UniversalTagNumber.T61String
            or UniversalTagNumber.BMPString or UniversalTagNumber.VisibleString or UniversalTagNumber.NumericString => value.ReadCharacterString(kind),
        UniversalTagNumber.Integer => value.ReadInteger().ToString(CultureInfo.InvariantCulture),
        UniversalTagNumber.Enumerated => new System.Numerics.BigInteger(value.ReadEnumeratedBytes().Span, isBigEndian: true)
            .ToString(CultureInfo.InvariantCulture),
        UniversalTagNumber.Boolean => value.ReadBoolean() ? "true" : "false",
        UniversalTagNumber.ObjectIdentifier => value.ReadObjectIdentifier(),
        UniversalTagNumber.Null => "",
        _ => null,
    };
}
