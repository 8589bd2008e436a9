using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Secrets;

/// <summary>The TLS contexts of mesh traffic: certificates and roots come from the proxy's own agent by SDS.</summary>
internal static class MutualTls
{
    public const string CertificateSecret = "default";
    public const string RootSecret = "ROOTCA";
    private const string SdsCluster = "sds-grpc";

    private static readonly string[] s_httpAlpn = ["h2", "http/1.1"];
    private static readonly string[] s_tcpAlpn = ["istio-peer-exchange", "h2", "http/1.1"];

    private static readonly string[] s_meshAlpn = ["istio-peer-exchange", "istio"];

    private static readonly string[] s_ciphers =
    [
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-GCM-SHA256",
    ];

    public static TransportSocket Downstream(PushContext push, bool http) => new()
    {
        Name = ExtensionNames.TransportSocketTls,
        TypedConfig = Messages.Pack(DownstreamContext(push, http ? s_httpAlpn : s_tcpAlpn)),
    };

    /// <summary>TLS towards a host, by the rule's mode; ISTIO_MUTUAL identifies by the mesh's certificates.</summary>
    public static TransportSocket Upstream(PushContext push, ClientTLSSettings tls, string meshSni, bool http2)
    {
        var context = new UpstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext
            {
                TlsParams = new TlsParameters
                {
                    TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12,
                    TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13,
                },
            },
            Sni = tls.Sni,
        };
        if (tls.Mode == ClientTLSSettings.Types.TLSmode.IstioMutual)
        {
            AddMeshIdentity(context, tls, meshSni, http2);
        }
        else
        {
            AddOwnFiles(context, tls, http2);
        }

        return new TransportSocket { Name = ExtensionNames.TransportSocketTls, TypedConfig = Messages.Pack(context) };
    }

    private static void AddMeshIdentity(UpstreamTlsContext context, ClientTLSSettings tls, string meshSni, bool http2)
    {
        context.Sni = tls.Sni.Length > 0 ? tls.Sni : meshSni;
        var common = context.CommonTlsContext;
        common.TlsCertificateSdsSecretConfigs.Add(Secret(CertificateSecret));
        common.CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
        {
            DefaultValidationContext = Exact(tls.SubjectAltNames),
            ValidationContextSdsSecretConfig = Secret(RootSecret),
        };
        common.AlpnProtocols.Add(s_meshAlpn);
        if (http2)
        {
            common.AlpnProtocols.Add("h2");
        }
    }

    private static void AddOwnFiles(UpstreamTlsContext context, ClientTLSSettings tls, bool http2)
    {
        var common = context.CommonTlsContext;
        if (tls.Mode == ClientTLSSettings.Types.TLSmode.Mutual && tls.ClientCertificate.Length > 0)
        {
            common.TlsCertificateSdsSecretConfigs.Add(Secret($"file-cert:{tls.ClientCertificate}~{tls.PrivateKey}"));
        }

        if (tls.InsecureSkipVerify != true)
        {
            var roots = tls.CaCertificates.Length == 0 || tls.CaCertificates == "system"
                ? "file-root:system" : $"file-root:{tls.CaCertificates}";
            common.CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
            {
                DefaultValidationContext = Exact(tls.SubjectAltNames),
                ValidationContextSdsSecretConfig = Secret(roots),
            };
        }

        if (http2)
        {
            common.AlpnProtocols.Add("h2");
        }
    }

    private static CertificateValidationContext Exact(IEnumerable<string> names)
    {
        var context = new CertificateValidationContext();
        foreach (var name in names)
        {
            // Which kind of name it is only the certificate knows.
            foreach (var type in (ReadOnlySpan<SubjectAltNameMatcher.Types.SanType>)
                [SubjectAltNameMatcher.Types.SanType.Uri, SubjectAltNameMatcher.Types.SanType.Dns])
            {
                context.MatchTypedSubjectAltNames.Add(new SubjectAltNameMatcher { SanType = type, Matcher = new StringMatcher { Exact = name } });
            }
        }

        return context;
    }

    private static DownstreamTlsContext DownstreamContext(PushContext push, string[] alpn)
    {
        var common = new CommonTlsContext
        {
            TlsParams = new TlsParameters
            {
                TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12,
                TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13,
                CipherSuites = { s_ciphers },
            },
            TlsCertificateSdsSecretConfigs = { Secret(CertificateSecret) },
            CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
            {
                DefaultValidationContext = TrustDomains(push),
                ValidationContextSdsSecretConfig = Secret(RootSecret),
            },
            AlpnProtocols = { alpn },
        };
        return new DownstreamTlsContext { CommonTlsContext = common, RequireClientCertificate = true };
    }

    private static CertificateValidationContext TrustDomains(PushContext push)
    {
        var context = new CertificateValidationContext();
        foreach (var domain in push.Mesh.TrustDomainAliases.Prepend(push.Mesh.TrustDomain))
        {
            context.MatchTypedSubjectAltNames.Add(new SubjectAltNameMatcher
            {
                SanType = SubjectAltNameMatcher.Types.SanType.Uri,
                Matcher = new StringMatcher { Prefix = $"spiffe://{domain}/" },
            });
        }

        return context;
    }

    private static SdsSecretConfig Secret(string name) => new()
    {
        Name = name,
        SdsConfig = new ConfigSource
        {
            ApiConfigSource = new ApiConfigSource
            {
                ApiType = ApiConfigSource.Types.ApiType.Grpc,
                TransportApiVersion = ApiVersion.V3,
                GrpcServices = { new GrpcService { EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = SdsCluster } } },
                SetNodeOnFirstMessageOnly = true,
            },
            InitialFetchTimeout = Messages.Zero,
            ResourceApiVersion = ApiVersion.V3,
        },
    };
}
