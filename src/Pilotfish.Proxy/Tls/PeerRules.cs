using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>What a verified chain's leaf must show besides: one of the names, and one of the hashes or key hashes. Immutable.</summary>
internal sealed class PeerRules
{
    private readonly List<(SubjectAltNameKind Kind, StringMatch Match, string? Exact)> _names = [];
    private readonly HashSet<string> _hashes = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _keyHashes = [];

    public bool IsEmpty => _names.Count == 0 && _hashes.Count == 0 && _keyHashes.Count == 0;

    public static PeerRules Compile(CertificateValidationContext context, string field)
    {
        var rules = new PeerRules();
        for (int i = 0; i < context.MatchTypedSubjectAltNames.Count; i++)
        {
            SubjectAltNameMatcher matcher = context.MatchTypedSubjectAltNames[i];
            string at = $"{field}.match_typed_subject_alt_names[{i}]";
            rules._names.Add((KindOf(matcher.SanType, at + ".san_type"), StringMatch.Compile(matcher.Matcher ?? new(), at + ".matcher"),
                Exact(matcher.Matcher)));
        }

        for (int i = 0; i < context.MatchSubjectAltNames.Count; i++)
        {
            rules._names.Add((SubjectAltNameKind.Any,
                StringMatch.Compile(context.MatchSubjectAltNames[i], $"{field}.match_subject_alt_names[{i}]"),
                Exact(context.MatchSubjectAltNames[i])));
        }

        rules.AddHashes(context, field);
        return rules;
    }

    /// <summary>Null when the certificate passes.</summary>
    public TlsRefusal? Check(X509Certificate2 leaf)
    {
        if (_names.Count > 0)
        {
            List<(SubjectAltNameKind Kind, string Name)> names = SubjectAltNames.Read(leaf);
            if (!names.Exists(Matches))
            {
                return new TlsRefusal(
                    TlsFailureKind.Name, $"verify cert failed: SAN matcher, certificate SANs are [{SubjectAltNames.Join(names)}]");
            }
        }

        if ((_hashes.Count > 0 || _keyHashes.Count > 0) && !IsPinned(leaf))
        {
            return new TlsRefusal(TlsFailureKind.Pin, "verify cert failed: cert hash and spki");
        }

        return null;
    }

    private void AddHashes(CertificateValidationContext context, string field)
    {
        foreach (string hash in context.VerifyCertificateHash)
        {
            string hex = hash.Replace(":", "", StringComparison.Ordinal);
            if (hex.Length != 2 * SHA256.HashSizeInBytes || !IsHex(hex))
            {
                throw new ConfigRejectedException(field + ".verify_certificate_hash", $"'{hash}' is no SHA-256 in hexadecimal");
            }

            _hashes.Add(hex);
        }

        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes + 3];
        foreach (string hash in context.VerifyCertificateSpki)
        {
            if (!Convert.TryFromBase64String(hash, bytes, out int written) || written != SHA256.HashSizeInBytes)
            {
                throw new ConfigRejectedException(field + ".verify_certificate_spki", $"'{hash}' is no SHA-256 in base64");
            }

            _keyHashes.Add(hash);
        }
    }

    private bool IsPinned(X509Certificate2 leaf) =>
        (_hashes.Count > 0 && _hashes.Contains(leaf.GetCertHashString(HashAlgorithmName.SHA256)))
        || (_keyHashes.Count > 0
            && _keyHashes.Contains(Convert.ToBase64String(SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo()))));

    private bool Matches((SubjectAltNameKind Kind, string Name) san)
    {
        byte[]? text = null;
        foreach ((SubjectAltNameKind wanted, StringMatch match, string? exact) in _names)
        {
            if (wanted != SubjectAltNameKind.Any && wanted != san.Kind)
            {
                continue;
            }

            // An exact DNS name is also met by a certificate's wildcard.
            if (exact is not null && san.Kind == SubjectAltNameKind.Dns
                ? SubjectAltNames.DnsMatches(exact, san.Name)
                : match.Matches(text ??= Encoding.ASCII.GetBytes(san.Name)))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsHex(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiHexDigit(c))
            {
                return false;
            }
        }

        return true;
    }

    private static string? Exact(Envoy.Type.Matcher.V3.StringMatcher? matcher) =>
        matcher is { MatchPatternCase: Envoy.Type.Matcher.V3.StringMatcher.MatchPatternOneofCase.Exact } ? matcher.Exact : null;

    private static SubjectAltNameKind KindOf(SubjectAltNameMatcher.Types.SanType type, string field) => type switch
    {
        SubjectAltNameMatcher.Types.SanType.Email => SubjectAltNameKind.Email,
        SubjectAltNameMatcher.Types.SanType.Dns => SubjectAltNameKind.Dns,
        SubjectAltNameMatcher.Types.SanType.Uri => SubjectAltNameKind.Uri,
        SubjectAltNameMatcher.Types.SanType.IpAddress => SubjectAltNameKind.IpAddress,
        _ => throw new ConfigRejectedException(field, $"{(int)type} is no supported kind of subject alternative name"),
    };
}
