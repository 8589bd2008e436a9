using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using ForwardClientCertDetails = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ForwardClientCertDetails;
using ServerHeaderTransformation = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ServerHeaderTransformation;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Which headers a proxy adds of its own, by ProxyConfig.proxyHeaders.</summary>
internal sealed record ProxyHeaders
{
    private const string InboundServerName = "istio-envoy";

    public string ServerName { get; private init; } = "";

    public ServerHeaderTransformation ServerTransformation { get; private init; } = ServerHeaderTransformation.Overwrite;

    public ForwardClientCertDetails ForwardedClientCert { get; private init; } = ForwardClientCertDetails.AppendForward;

    public ProxyConfig.Types.ProxyHeaders.Types.SetCurrentClientCertDetails? CurrentCertDetails { get; private init; }

    public bool AttemptCount { get; private init; } = true;

    /// <summary>Null leaves the proxy's default, which is to generate.</summary>
    public bool? GenerateRequestId { get; private init; }

    public bool SuppressDebugHeaders { get; private init; }

    public bool SkipMetadataExchangeOutsideMesh { get; private init; }

    public bool ForwardedPort { get; private init; }

    public bool ForwardedHost { get; private init; }

    public bool PreserveCase { get; private init; }

    public static ProxyHeaders Of(PushContext push, ProxyView proxy, TrafficClass traffic)
    {
        // Outbound the proxy's own default name ("envoy") applies, so none is sent.
        var serverName = traffic == TrafficClass.Inbound ? InboundServerName : "";
        var given = proxy.ProxyConfig(push).ProxyHeaders;
        if (given is null)
        {
            return new ProxyHeaders { ServerName = serverName };
        }

        var hideServer = given.Server?.Disabled == true;
        return new ProxyHeaders
        {
            ServerName = hideServer ? "" : given.Server?.Value is { Length: > 0 } own ? own : serverName,
            ServerTransformation = hideServer ? ServerHeaderTransformation.PassThrough : ServerHeaderTransformation.Overwrite,
            ForwardedClientCert = Convert(given.ForwardedClientCert),
            CurrentCertDetails = given.SetCurrentClientCertDetails,
            AttemptCount = given.AttemptCount?.Disabled != true,
            GenerateRequestId = given.RequestId?.Disabled == true ? false : null,
            SuppressDebugHeaders = given.EnvoyDebugHeaders?.Disabled == true,
            SkipMetadataExchangeOutsideMesh = given.MetadataExchangeHeaders?.Mode
                == ProxyConfig.Types.ProxyHeaders.Types.MetadataExchangeMode.InMesh,
            ForwardedPort = given.XForwardedPort?.Enabled == true,
            ForwardedHost = given.XForwardedHost?.Enabled == true,
            PreserveCase = given.PreserveHttp1HeaderCase == true,
        };
    }

    private static ForwardClientCertDetails Convert(Istio.Mesh.V1Alpha1.ForwardClientCertDetails given) => given switch
    {
        Istio.Mesh.V1Alpha1.ForwardClientCertDetails.Sanitize => ForwardClientCertDetails.Sanitize,
        Istio.Mesh.V1Alpha1.ForwardClientCertDetails.ForwardOnly => ForwardClientCertDetails.ForwardOnly,
        Istio.Mesh.V1Alpha1.ForwardClientCertDetails.SanitizeSet => ForwardClientCertDetails.SanitizeSet,
        Istio.Mesh.V1Alpha1.ForwardClientCertDetails.AlwaysForwardOnly => ForwardClientCertDetails.AlwaysForwardOnly,
        _ => ForwardClientCertDetails.AppendForward,
    };
}
