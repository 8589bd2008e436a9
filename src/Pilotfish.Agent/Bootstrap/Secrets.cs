using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>Names under which the agent serves secrets, and the TLS contexts that ask for them.</summary>
internal static class Secrets
{
    public const string Certificate = "default";
    public const string Roots = "ROOTCA";
    private const string TlsSocket = "envoy.transport_sockets.tls";

    public static SdsSecretConfig Named(string name) => new()
    {
        Name = name,
        SdsConfig = new ConfigSource
        {
            ApiConfigSource = new ApiConfigSource
            {
                ApiType = ApiConfigSource.Types.ApiType.Grpc,
                SetNodeOnFirstMessageOnly = true,
                TransportApiVersion = ApiVersion.V3,
                GrpcServices =
                {
                    new GrpcService
                    {
                        EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = ControlPlaneNames.SdsClusterName },
                    },
                },
            },
            ResourceApiVersion = ApiVersion.V3,
        },
    };

    public static TransportSocket Socket(Google.Protobuf.IMessage context) =>
        new() { Name = TlsSocket, TypedConfig = TypedConfig.Pack(context) };

    /// <summary>Null for plaintext. ALPN is offered to HTTP/2 servers alone.</summary>
    public static TransportSocket? ClientTls(ClientTLSSettings? tls, string defaultSni, NodeMetadata metadata, bool isHttp2)
    {
        if (tls is null || tls.Mode == ClientTLSSettings.Types.TLSmode.Disable)
        {
            return null;
        }

        bool isMesh = tls.Mode == ClientTLSSettings.Types.TLSmode.IstioMutual;
        var common = new CommonTlsContext();
        if (isMesh)
        {
            common.TlsCertificateSdsSecretConfigs.Add(MeshSecret(Certificate));
        }
        else if (tls.Mode == ClientTLSSettings.Types.TLSmode.Mutual)
        {
            string chain = OrDefault(metadata.Text("TLS_CLIENT_CERT_CHAIN"), tls.ClientCertificate);
            string key = OrDefault(metadata.Text("TLS_CLIENT_KEY"), tls.PrivateKey);
            if (chain.Length > 0 && key.Length > 0)
            {
                common.TlsCertificateSdsSecretConfigs.Add(Named($"file-cert:{chain}~{key}"));
            }
        }

        string roots = OrDefault(metadata.Text("TLS_CLIENT_ROOT_CERT"), tls.CaCertificates);
        common.CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
        {
            DefaultValidationContext = new CertificateValidationContext(),
            ValidationContextSdsSecretConfig = isMesh ? MeshSecret(Roots) : roots.Length > 0 ? Named($"file-root:{roots}") : null,
        };
        foreach (string san in tls.SubjectAltNames)
        {
#pragma warning disable CS0612 // Istio's own bootstrap uses the older field, and Envoys of every version read it.
            common.CombinedValidationContext.DefaultValidationContext.MatchSubjectAltNames.Add(
                new Envoy.Type.Matcher.V3.StringMatcher { Exact = san });
#pragma warning restore CS0612
        }

        if (isHttp2)
        {
            common.AlpnProtocols.AddRange(isMesh ? ["istio", "h2"] : ["h2"]);
        }

        return Socket(new UpstreamTlsContext
        {
            CommonTlsContext = common,
            Sni = isMesh ? OrDefault(tls.Sni, defaultSni) : tls.Sni,
        });
    }

    /// <summary>The workload's own secrets are waited for without end: no traffic may pass before identity is there.</summary>
    private static SdsSecretConfig MeshSecret(string name)
    {
        SdsSecretConfig secret = Named(name);
        secret.SdsConfig.InitialFetchTimeout = new Duration();
        return secret;
    }

    private static string OrDefault(string first, string second) => first.Length > 0 ? first : second;
}
