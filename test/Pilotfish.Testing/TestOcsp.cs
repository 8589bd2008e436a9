using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Testing;

/// <summary>OCSP responses (RFC 6960) whose signature is none: whoever staples does not look at it.</summary>
public static class TestOcsp
{
    public static byte[] Response(
        X509Certificate2 leaf, DateTimeOffset? nextUpdate, byte status = 0, int answers = 1, string type = "1.3.6.1.5.5.7.48.1.1")
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue([0x0A, 1, status]);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(type);
                writer.WriteOctetString(Basic(leaf, nextUpdate, answers));
            }
        }

        return writer.Encode();
    }

    private static byte[] Basic(X509Certificate2 leaf, DateTimeOffset? nextUpdate, int answers)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 2)))
                {
                    writer.WriteOctetString(new byte[20]);
                }

                writer.WriteGeneralizedTime(DateTimeOffset.UtcNow, omitFractionalSeconds: true);
                using (writer.PushSequence())
                {
                    for (int i = 0; i < answers; i++)
                    {
                        WriteAnswer(writer, leaf, nextUpdate);
                    }
                }
            }

            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("1.2.840.10045.4.3.2");
            }

            writer.WriteBitString(new byte[8]);
        }

        return writer.Encode();
    }

    private static void WriteAnswer(AsnWriter writer, X509Certificate2 leaf, DateTimeOffset? nextUpdate)
    {
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier("1.3.14.3.2.26");
                    writer.WriteNull();
                }

                writer.WriteOctetString(new byte[20]);
                writer.WriteOctetString(new byte[20]);
                writer.WriteInteger(leaf.SerialNumberBytes.Span);
            }

            writer.WriteNull(new Asn1Tag(TagClass.ContextSpecific, 0));
            writer.WriteGeneralizedTime(DateTimeOffset.UtcNow.AddHours(-1), omitFractionalSeconds: true);
            if (nextUpdate is { } until)
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writer.WriteGeneralizedTime(until, omitFractionalSeconds: true);
                }
            }
        }
    }
}
