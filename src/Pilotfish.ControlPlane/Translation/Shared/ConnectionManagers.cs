using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.RequestId.Uuid.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using static Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types;
using HttpProtocolOptions = Envoy.Config.Core.V3.HttpProtocolOptions;
using Normalization = Istio.Mesh.V1Alpha1.MeshConfig.Types.ProxyPathNormalization.Types.NormalizationType;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Builds HTTP connection managers, inbound (with their routes inside) and outbound (routes by RDS).</summary>
internal static class ConnectionManagers
{
    private static readonly Any s_requestId =
        Messages.Pack(new UuidRequestIdConfig { UseRequestIdForTraceSampling = true });

    public static HttpConnectionManager Outbound(
        PushContext push, ProxyView proxy, string statPrefix, string routeName, PortProtocol protocol)
    {
        var manager = Common(push, proxy, statPrefix, TrafficClass.Outbound, protocol);
        manager.UseRemoteAddress = push.Features.UseRemoteAddress;
        manager.Rds = new Rds { ConfigSource = Messages.AdsSource(), RouteConfigName = routeName };
        return manager;
    }

    public static HttpConnectionManager Inbound(
        PushContext push, ProxyView proxy, string statPrefix, RouteConfiguration routes, PortProtocol protocol)
    {
        var manager = Common(push, proxy, statPrefix, TrafficClass.Inbound, protocol);
        var headers = ProxyHeaders.Of(push, proxy, TrafficClass.Inbound);
        var details = headers.CurrentCertDetails;
        manager.UseRemoteAddress = false;
        manager.RouteConfig = routes;
        manager.ForwardClientCertDetails = headers.ForwardedClientCert;
        manager.SetCurrentClientCertDetails = new SetCurrentClientCertDetails
        {
            Subject = details?.Subject ?? true,
            Uri = details?.Uri ?? true,
            Dns = details?.Dns ?? true,
            Cert = details?.Cert ?? false,
            Chain = details?.Chain ?? false,
        };
        if (protocol.IsHttp2())
        {
            manager.Http2ProtocolOptions = new Http2ProtocolOptions();
        }

        return manager;
    }

    private static HttpConnectionManager Common(
        PushContext push, ProxyView proxy, string statPrefix, TrafficClass traffic, PortProtocol protocol)
    {
        var headers = ProxyHeaders.Of(push, proxy, traffic);
        var manager = new HttpConnectionManager
        {
            CodecType = CodecType.Auto,
            StatPrefix = statPrefix,
            ServerName = headers.ServerName,
            ServerHeaderTransformation = headers.ServerTransformation,
            GenerateRequestId = headers.GenerateRequestId,
            AppendXForwardedPort = headers.ForwardedPort,
            UpgradeConfigs = { new UpgradeConfig { UpgradeType = "websocket" } },
            StreamIdleTimeout = Messages.Zero,
            Tracing = TracingOptions.Build(push, proxy),
            RequestIdExtension = new RequestIDExtension { TypedConfig = s_requestId },
            Proxy100Continue = true,
        };
        if (push.Features.Http10 || proxy.Node.Http10)
        {
            manager.HttpProtocolOptions = new Http1ProtocolOptions { AcceptHttp10 = true };
        }

        if (headers.PreserveCase)
        {
            manager.HttpProtocolOptions ??= new Http1ProtocolOptions();
            manager.HttpProtocolOptions.HeaderKeyFormat = HeaderCase.Preserve();
        }

        if (proxy.Node.IdleTimeout is { } idle)
        {
            manager.CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = Duration.FromTimeSpan(idle) };
        }

        Normalize(manager, push.Mesh.PathNormalization?.Normalization ?? Normalization.Default);
        manager.AccessLog.AddRange(AccessLogs.ForTraffic(push, proxy, traffic, isHttp: true));

        manager.HttpFilters.AddRange(HttpFilterChain.Build(push, headers, traffic, protocol));
        return manager;
    }

    private static void Normalize(HttpConnectionManager manager, Normalization normalization)
    {
        manager.PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.KeepUnchanged;
        manager.NormalizePath = normalization != Normalization.None;
        if (normalization is Normalization.MergeSlashes or Normalization.DecodeAndMergeSlashes)
        {
            manager.MergeSlashes = true;
        }

        if (normalization == Normalization.DecodeAndMergeSlashes)
        {
            manager.PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.UnescapeAndForward;
        }
    }
}
