using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>What a verified chain's leaf must show besides: one of the names, and one of the hashes or key hashes. Immutable.</summary>
internal sealed class PeerRules
{
    private readonly List<SubjectAltNameRule> _names = [];
    private readonly HashSet<string> _hashes = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _keyHashes = [];

    public bool IsEmpty => _names.Count == 0 && _hashes.Count == 0 && _keyHashes.Count == 0;

    public static PeerRules Compile(CertificateValidationContext context, string field)
    {
        var rules = new PeerRules();
        for (int i = 0; i < context.MatchTypedSubjectAltNames.Count; i++)
        {
            rules._names.Add(SubjectAltNameRule.Compile(context.MatchTypedSubjectAltNames[i], $"{field}.match_typed_subject_alt_names[{i}]"));
        }

        // The older field counts where the newer is not set.
        for (int i = 0; i < context.MatchSubjectAltNames.Count && context.MatchTypedSubjectAltNames.Count == 0; i++)
        {
            rules._names.Add(SubjectAltNameRule.CompileUntyped(context.MatchSubjectAltNames[i], $"{field}.match_subject_alt_names[{i}]"));
        }

        if (context.CustomValidatorConfig is not null)
        {
            rules.LookAtIdentitiesOnly();
        }

        rules.AddHashes(context, field);
        return rules;
    }

    /// <summary>Null when the certificate passes.</summary>
    public TlsRefusal? Check(X509Certificate2 leaf)
    {
        if (_names.Count > 0)
        {
            List<SubjectAltName> names = SubjectAltNames.Read(leaf);
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

    private bool Matches(SubjectAltName name) => _names.Exists(rule => rule.Matches(name));

    /// <summary>The SPIFFE validator matches URIs and passes over rules of other kinds (tls_spiffe_validator_config.proto).</summary>
    private void LookAtIdentitiesOnly()
    {
        _names.RemoveAll(static rule => rule.Kind is not (SubjectAltNameKind.Uri or SubjectAltNameKind.Any));
        for (int i = 0; i < _names.Count; i++)
        {
            _names[i] = _names[i] with { Kind = SubjectAltNameKind.Uri };
        }
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
}
