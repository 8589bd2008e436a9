using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Tls;

/// <summary>What a verified chain's leaf must show besides: a name, a hash or a key hash. Any one match of a kind suffices.</summary>
internal sealed class PeerRules
{
    private readonly List<(SubjectAltNameKind Kind, StringMatch Match)> _names = [];
    private readonly HashSet<string> _hashes = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _keyHashes = [];

    public bool IsEmpty => _names.Count == 0 && _hashes.Count == 0 && _keyHashes.Count == 0;

    public static PeerRules Compile(CertificateValidationContext context, string field)
    {
        if (context.CustomValidatorConfig is { } custom)
        {
            throw new ConfigRejectedException(
                field + ".custom_validator_config", $"certificate validator '{custom.Name}' is not supported yet");
        }

        if (context.Crl is not null)
        {
            throw new ConfigRejectedException(field + ".crl", "revocation lists are not supported yet");
        }

        var rules = new PeerRules();
        for (int i = 0; i < context.MatchTypedSubjectAltNames.Count; i++)
        {
            SubjectAltNameMatcher matcher = context.MatchTypedSubjectAltNames[i];
            rules._names.Add((KindOf(matcher.SanType, $"{field}.match_typed_subject_alt_names[{i}].san_type"),
                StringMatch.Compile(matcher.Matcher ?? new(), $"{field}.match_typed_subject_alt_names[{i}].matcher")));
        }

        for (int i = 0; i < context.MatchSubjectAltNames.Count; i++)
        {
            rules._names.Add((SubjectAltNameKind.Any,
                StringMatch.Compile(context.MatchSubjectAltNames[i], $"{field}.match_subject_alt_names[{i}]")));
        }

        foreach (string hash in context.VerifyCertificateHash)
        {
            rules._hashes.Add(hash.Replace(":", "", StringComparison.Ordinal));
        }

        rules._keyHashes.UnionWith(context.VerifyCertificateSpki);
        return rules;
    }

    /// <summary>Null when the certificate passes, else why not.</summary>
    public string? Check(X509Certificate2 leaf)
    {
        if (_hashes.Count > 0 && !_hashes.Contains(leaf.GetCertHashString(HashAlgorithmName.SHA256)))
        {
            return "the peer's certificate hash is not among verify_certificate_hash";
        }

        if (_keyHashes.Count > 0
            && !_keyHashes.Contains(Convert.ToBase64String(SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo()))))
        {
            return "the peer's key hash is not among verify_certificate_spki";
        }

        if (_names.Count == 0)
        {
            return null;
        }

        foreach ((SubjectAltNameKind kind, string name) in SubjectAltNames.Read(leaf))
        {
            byte[] text = Encoding.ASCII.GetBytes(name);
            foreach ((SubjectAltNameKind wanted, StringMatch match) in _names)
            {
                if ((wanted == SubjectAltNameKind.Any || wanted == kind) && match.Matches(text))
                {
                    return null;
                }
            }
        }

        return "the peer's certificate has no matching subject alternative name";
    }

    private static SubjectAltNameKind KindOf(SubjectAltNameMatcher.Types.SanType type, string field) => type switch
    {
        SubjectAltNameMatcher.Types.SanType.Email => SubjectAltNameKind.Email,
        SubjectAltNameMatcher.Types.SanType.Dns => SubjectAltNameKind.Dns,
        SubjectAltNameMatcher.Types.SanType.Uri => SubjectAltNameKind.Uri,
        SubjectAltNameMatcher.Types.SanType.IpAddress => SubjectAltNameKind.IpAddress,
        _ => throw new ConfigRejectedException(field, $"{(int)type} is no supported kind of subject alternative name"),
    };
}
