using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// envoy.tls.cert_validator.spiffe: trust bundles by trust domain. The peer's only URI name chooses the bundle before a path is
/// built, so that no domain vouches for another's identities; the leaf must be a leaf (SPIFFE X509-SVID sections 2 to 5). Immutable.
/// </summary>
internal sealed class SpiffeTrust
{
    private const string Scheme = "spiffe://";

    private readonly Dictionary<string, X509Certificate2Collection> _bundles = new(StringComparer.Ordinal);

    /// <summary>Every bundle's anchors, which the server names in its certificate request.</summary>
    public X509Certificate2Collection AllRoots { get; } = [];

    public static IEnumerable<DataSource?> Sources(SPIFFECertValidatorConfig config)
    {
        if (config.TrustBundles is not null)
        {
            yield return config.TrustBundles;
            yield break;
        }

        foreach (SPIFFECertValidatorConfig.Types.TrustDomain domain in config.TrustDomains)
        {
            yield return domain.TrustBundle;
        }
    }

    public static SpiffeTrust Compile(SPIFFECertValidatorConfig config, string field)
    {
        var trust = new SpiffeTrust();
        string at = field + ".custom_validator_config";
        try
        {
            // As in Envoy the map takes the place of the list.
            foreach (SPIFFECertValidatorConfig.Types.TrustDomain domain in config.TrustBundles is null ? config.TrustDomains : [])
            {
                if (domain.Name.Length == 0 || domain.Name.Contains('/', StringComparison.Ordinal))
                {
                    throw new ConfigRejectedException(at + ".trust_domains.name", $"'{domain.Name}' is no trust domain, as in cluster.local");
                }

                string text = DataSources.ReadText(domain.TrustBundle ?? new(), $"{at}.trust_domains[{domain.Name}].trust_bundle");
                trust.Add(domain.Name, TlsCertificates.RootsFromPem(text), at);
            }

            if (config.TrustBundles is not null)
            {
                trust.AddBundles(DataSources.ReadBytes(config.TrustBundles, at + ".trust_bundles"), at);
            }
        }
        catch (Exception e) when (e is CryptographicException or JsonException or FormatException or InvalidOperationException
            or KeyNotFoundException)
        {
            throw new ConfigRejectedException(at, $"the trust bundles cannot be read: {FailureText.Of(e)}", e);
        }

        return trust._bundles.Count > 0 ? trust : throw new ConfigRejectedException(at, "no trust domain has a bundle");
    }

    public (X509Certificate2Collection? Roots, string? Problem) RootsFor(X509Certificate2 leaf)
    {
        string? uri = null;
        foreach ((SubjectAltNameKind kind, string name) in SubjectAltNames.Read(leaf))
        {
            if (kind == SubjectAltNameKind.Uri)
            {
                if (uri is not null)
                {
                    return (null, "a SPIFFE certificate has exactly one URI SAN");
                }

                uri = name;
            }
        }

        if (MaySign(leaf))
        {
            return (null, "a SPIFFE leaf certificate must neither be a CA nor sign certificates");
        }

        return uri is not null && DomainOf(uri) is { } domain && _bundles.TryGetValue(domain, out X509Certificate2Collection? roots)
            ? (roots, null)
            : (null, "no trust bundle matching trust domain");
    }

    internal static string? DomainOf(string uri)
    {
        if (!uri.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        int end = uri.IndexOf('/', Scheme.Length);
        string domain = end < 0 ? uri[Scheme.Length..] : uri[Scheme.Length..end];
        return domain.Length == 0 ? null : domain;
    }

    private void Add(string domain, X509Certificate2Collection roots, string field)
    {
        if (roots.Count == 0)
        {
            throw new ConfigRejectedException(field, $"the bundle of trust domain '{domain}' holds no certificate");
        }

        if (!_bundles.TryAdd(domain, roots))
        {
            throw new ConfigRejectedException(field, $"trust domain '{domain}' is named twice");
        }

        AllRoots.AddRange(roots);
    }

    /// <summary>The SPIFFE bundle map: {"trust_domains": {"NAME": {"keys": [{"use": "x509-svid", "x5c": [BASE64]}]}}}.</summary>
    private void AddBundles(byte[] json, string field)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        foreach (JsonProperty domain in document.RootElement.GetProperty("trust_domains").EnumerateObject())
        {
            var roots = new X509Certificate2Collection();
            foreach (JsonElement key in domain.Value.GetProperty("keys").EnumerateArray())
            {
                if (key.TryGetProperty("use", out JsonElement use) && use.GetString() == "x509-svid")
                {
                    foreach (JsonElement certificate in key.GetProperty("x5c").EnumerateArray())
                    {
                        roots.Add(X509CertificateLoader.LoadCertificate(certificate.GetBytesFromBase64()));
                    }
                }
            }

            Add(domain.Name, roots, field);
        }
    }

    private static bool MaySign(X509Certificate2 leaf)
    {
        foreach (X509Extension extension in leaf.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true }
                || (extension is X509KeyUsageExtension usage
                    && (usage.KeyUsages & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != 0))
            {
                return true;
            }
        }

        return false;
    }
}
