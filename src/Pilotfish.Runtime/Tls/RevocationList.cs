using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>One CertificateList (RFC 5280 section 5.1). Immutable.</summary>
internal sealed class RevocationList
{
    private readonly HashSet<string> _serials = [];
    private readonly byte[] _signed;
    private readonly byte[] _signature;
    private readonly string _algorithm;

    private RevocationList(byte[] signed, string algorithm, byte[] signature)
    {
        _signed = signed;
        _algorithm = algorithm;
        _signature = signature;
        AsnReader body = new AsnReader(signed, AsnEncodingRules.DER).ReadSequence();
        if (body.PeekTag() == Asn1Tag.Integer)
        {
            body.ReadInteger();
        }

        body.ReadSequence();
        Issuer = body.ReadEncodedValue().ToArray();
        ReadTime(body);
        NextUpdate = body.HasData && IsTime(body.PeekTag()) ? ReadTime(body) : DateTimeOffset.MaxValue;
        if (body.HasData && body.PeekTag() == Asn1Tag.Sequence)
        {
            AsnReader entries = body.ReadSequence();
            while (entries.HasData)
            {
                _serials.Add(Convert.ToHexString(entries.ReadSequence().ReadIntegerBytes().Span));
            }
        }
    }

    /// <summary>The issuer's Name in DER.</summary>
    public byte[] Issuer { get; }

    public DateTimeOffset NextUpdate { get; }

    public static RevocationList Parse(byte[] der)
    {
        try
        {
            AsnReader list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            byte[] signed = list.ReadEncodedValue().ToArray();
            string algorithm = list.ReadSequence().ReadObjectIdentifier();
            return new RevocationList(signed, algorithm, list.ReadBitString(out _));
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("a revocation list is malformed", e);
        }
    }

    public bool Revokes(X509Certificate2 certificate) => _serials.Contains(Convert.ToHexString(certificate.SerialNumberBytes.Span));

    public bool IsSignedBy(X509Certificate2 issuer)
    {
        try
        {
            if (issuer.GetECDsaPublicKey() is { } ecdsa)
            {
                using (ecdsa)
                {
                    return Hash("1.2.840.10045.4.3.") is { } hash
                        && ecdsa.VerifyData(_signed, _signature, hash, DSASignatureFormat.Rfc3279DerSequence);
                }
            }

            using RSA? rsa = issuer.GetRSAPublicKey();
            return rsa is not null && Hash("1.2.840.113549.1.1.") is { } rsaHash
                && rsa.VerifyData(_signed, _signature, rsaHash, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            // A key that cannot verify vouches for nothing.
            return false;
        }
    }

    private HashAlgorithmName? Hash(string family) => !_algorithm.StartsWith(family, StringComparison.Ordinal)
        ? null
        : _algorithm[family.Length..] switch
        {
            "2" or "11" => HashAlgorithmName.SHA256,
            "3" or "12" => HashAlgorithmName.SHA384,
            "4" or "13" => HashAlgorithmName.SHA512,
            _ => null,
        };

    private static bool IsTime(Asn1Tag tag) => tag == Asn1Tag.UtcTime || tag == Asn1Tag.GeneralizedTime;

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag() == Asn1Tag.UtcTime ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();
}
