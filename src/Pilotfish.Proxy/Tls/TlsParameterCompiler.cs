using System.Security.Authentication;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>Compiles tls_params: versions, cipher suites, curves, signature algorithms.</summary>
internal static class TlsParameterCompiler
{
    // OpenSSL's names, as Envoy and Istio write them, to those of IANA, as handshakes report them.
    private static readonly Dictionary<string, string> s_ciphers = new()
    {
        ["ECDHE-ECDSA-AES256-GCM-SHA384"] = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ["ECDHE-RSA-AES256-GCM-SHA384"] = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ["ECDHE-ECDSA-AES128-GCM-SHA256"] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ["ECDHE-RSA-AES128-GCM-SHA256"] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ["ECDHE-ECDSA-CHACHA20-POLY1305"] = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ["ECDHE-RSA-CHACHA20-POLY1305"] = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ["AES256-GCM-SHA384"] = "TLS_RSA_WITH_AES_256_GCM_SHA384",
        ["AES128-GCM-SHA256"] = "TLS_RSA_WITH_AES_128_GCM_SHA256",
    };

    // Groups that every platform negotiates with every peer: where the engine cannot narrow its own, the list must hold one of them.
    private static readonly HashSet<string> s_curves = ["X25519", "P-256", "X25519MLKEM768"];
    private static readonly HashSet<string> s_otherCurves = ["P-384", "P-521", "P-224"];

    // BoringSSL's names (ssl_privkey.cc), without those of SHA-1 and MD5, which no default security level takes.
    private static readonly HashSet<string> s_signatureAlgorithms =
    [
        "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
        "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ed25519",
    ];

    /// <summary>What FIPS_202205 leaves of TLS 1.2 (boringssl include/openssl/ssl.h, ssl_compliance_policy_fips_202205).</summary>
    public static IReadOnlyList<string> FipsCiphers { get; } =
    [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ];

    public static IReadOnlyList<string> FipsGroups { get; } = ["P-256", "P-384"];

    public static IReadOnlyList<string> FipsSignatureAlgorithms { get; } =
    [
        "ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384", "rsa_pkcs1_sha384",
        "rsa_pss_rsae_sha512", "rsa_pkcs1_sha512",
    ];

    /// <summary>Whether compliance_policies asks for FIPS_202205, which overrides suites, curves and signature algorithms.</summary>
    public static bool IsFips(TlsParameters? parameters, string field)
    {
        if (parameters is null || parameters.CompliancePolicies.Count == 0)
        {
            return false;
        }

        string at = field + ".tls_params.compliance_policies";
        return parameters.CompliancePolicies.Count > 1 ? throw new ConfigRejectedException(at, "at most one policy can be given")
            : parameters.CompliancePolicies[0] != TlsParameters.Types.CompliancePolicy.Fips202205
                ? throw new ConfigRejectedException(at, $"{(int)parameters.CompliancePolicies[0]} is no known policy")
            : !TlsEngines.HeedsParameters
                ? throw new ConfigRejectedException(at, "SslStream cannot narrow what it negotiates; this system has no libssl.so.3")
            : true;
    }

    public static SslProtocols Protocols(TlsParameters? parameters, bool isServer, string field)
    {
        // Envoy's defaults: 1.2 to 1.3 for servers, 1.2 only for clients. Older versions are not spoken.
        TlsParameters.Types.TlsProtocol max = parameters?.TlsMaximumProtocolVersion ?? TlsParameters.Types.TlsProtocol.TlsAuto;
        if (max is TlsParameters.Types.TlsProtocol.Tlsv10 or TlsParameters.Types.TlsProtocol.Tlsv11)
        {
            throw new ConfigRejectedException(
                field + ".tls_params.tls_maximum_protocol_version", "TLS 1.0 and 1.1 are not spoken; the least is TLSv1_2");
        }

        bool from13 = parameters?.TlsMinimumProtocolVersion == TlsParameters.Types.TlsProtocol.Tlsv13;
        bool to13 = max switch
        {
            TlsParameters.Types.TlsProtocol.Tlsv13 => true,
            TlsParameters.Types.TlsProtocol.TlsAuto => isServer || from13,
            _ => false,
        };
        if (from13 && !to13)
        {
            throw new ConfigRejectedException(
                field + ".tls_params", "tls_minimum_protocol_version is above tls_maximum_protocol_version");
        }

        return (from13 ? SslProtocols.None : SslProtocols.Tls12) | (to13 ? SslProtocols.Tls13 : SslProtocols.None);
    }

    public static List<string>? Ciphers(TlsParameters? parameters, string field)
    {
        if (parameters is null || parameters.CipherSuites.Count == 0)
        {
            return null;
        }

        var allowed = new List<string>();
        foreach (string group in parameters.CipherSuites)
        {
            // [A|B] is a group of equal preference.
            foreach (string name in group.Trim('[', ']').Split('|'))
            {
                if (!s_ciphers.TryGetValue(name, out string? iana))
                {
                    throw new ConfigRejectedException(field + ".tls_params.cipher_suites", $"'{name}' is not a supported cipher suite");
                }

                if (!allowed.Contains(iana))
                {
                    allowed.Add(iana);
                }
            }
        }

        return allowed;
    }

    public static void CheckCurves(TlsParameters? parameters, string field)
    {
        if (parameters is null || parameters.EcdhCurves.Count == 0)
        {
            return;
        }

        bool any = false;
        foreach (string curve in parameters.EcdhCurves)
        {
            if (!s_curves.Contains(curve) && !s_otherCurves.Contains(curve))
            {
                throw new ConfigRejectedException(field + ".tls_params.ecdh_curves", $"'{curve}' is not a supported curve");
            }

            any |= s_curves.Contains(curve);
        }

        if (!any && !TlsEngines.HeedsParameters)
        {
            throw new ConfigRejectedException(
                field + ".tls_params.ecdh_curves", "the platform's groups cannot be narrowed to it: the list must hold X25519 or P-256");
        }
    }

    public static void CheckSignatureAlgorithms(TlsParameters? parameters, string field)
    {
        foreach (string name in parameters?.SignatureAlgorithms ?? [])
        {
            if (!s_signatureAlgorithms.Contains(name))
            {
                throw new ConfigRejectedException(field + ".tls_params.signature_algorithms", $"'{name}' is not a supported signature algorithm");
            }
        }
    }
}
