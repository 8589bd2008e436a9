using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>A certificate with its key, and what it is chosen by: its names, its kind of key and its OCSP response. Immutable.</summary>
public sealed class TlsIdentity
{
    private const string EllipticCurveOid = "1.2.840.10045.2.1";
    private const string TlsFeatureOid = "1.3.6.1.5.5.7.1.24";

    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    public TlsIdentity(SslStreamCertificateContext context, OcspStaple? staple = null)
    {
        Context = context;
        Staple = staple;
        X509Certificate2 leaf = context.TargetCertificate;
        ExpiresUnixSeconds = new DateTimeOffset(leaf.NotAfter).ToUnixTimeSeconds();
        IsEcdsa = leaf.PublicKey.Oid.Value == EllipticCurveOid;
        Curve = IsEcdsa ? CurveOf(leaf) : EcdsaCurves.None;

        // TLS feature status_request alone (RFC 7633 section 6): what authorities write for "must staple".
        MustStaple = leaf.Extensions[TlsFeatureOid] is { } feature && feature.RawData.AsSpan().SequenceEqual((byte[])[0x30, 3, 2, 1, 5]);
        List<SubjectAltName> names = SubjectAltNames.Read(leaf);
        foreach ((SubjectAltNameKind kind, string name) in names)
        {
            if (kind == SubjectAltNameKind.Dns)
            {
                _names.Add(name);
            }
        }

        // RFC 6125 section 6.4.4: the common name speaks only where no alternative name does.
        if (names.Count == 0 && leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } commonName)
        {
            _names.Add(commonName);
        }
    }

    public SslStreamCertificateContext Context { get; }

    /// <summary>Seconds since 1970.</summary>
    public long ExpiresUnixSeconds { get; }

    public bool IsEcdsa { get; }

    /// <summary>Of an EC key; none when clients have no name for it.</summary>
    public EcdsaCurves Curve { get; }

    /// <summary>Null without ocsp_staple.</summary>
    public OcspStaple? Staple { get; }

    /// <summary>The certificate promises a stapled response.</summary>
    public bool MustStaple { get; }

    /// <summary>Whether a name is this certificate's own.</summary>
    public bool Names(string serverName) => _names.Contains(serverName);

    /// <summary>Whether `*.` and the name without its first label is this certificate's own.</summary>
    public bool NamesByWildcard(string serverName)
    {
        int dot = serverName.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && _names.Contains("*" + serverName[dot..]);
    }

    private static EcdsaCurves CurveOf(X509Certificate2 leaf)
    {
        using ECDsa? key = leaf.GetECDsaPublicKey();
        return key?.ExportParameters(includePrivateParameters: false).Curve.Oid.Value switch
        {
            "1.2.840.10045.3.1.7" => EcdsaCurves.P256,
            "1.3.132.0.34" => EcdsaCurves.P384,
            "1.3.132.0.35" => EcdsaCurves.P521,
            _ => EcdsaCurves.None,
        };
    }
}
