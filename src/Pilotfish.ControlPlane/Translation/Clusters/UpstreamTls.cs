using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.RawBuffer.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Secrets;
using Pilotfish.ControlPlane.Translation.Shared;
using ServicePort = Pilotfish.ControlPlane.Registry.ServicePort;
using Mode = Istio.Networking.V1Alpha3.ClientTLSSettings.Types.TLSmode;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>TLS towards hosts: as the DestinationRule says, else mutual TLS with hosts that have a sidecar.</summary>
internal static class UpstreamTls
{
    private static readonly TransportSocket s_raw = new()
    {
        Name = ExtensionNames.TransportSocketRawBuffer,
        TypedConfig = Messages.Pack(new RawBuffer()),
    };

    public static void Apply(
        PushContext push, ClusterDraft draft, MeshService service, ServicePort port, string subset, ClientTLSSettings? tls)
    {
        var cluster = draft.Cluster;
        if (tls is null)
        {
            ApplyAutomatic(push, cluster, service, port, subset);
            return;
        }

        if (tls.Mode == Mode.Disable || (tls.Mode == Mode.IstioMutual && !push.IdentityEnabled))
        {
            return;
        }

        cluster.TransportSocket = MutualTls.Upstream(push, tls, ClusterNames.Sni(port.Number, subset, service.Hostname), port.Protocol.IsHttp2());
        if (tls.Mode != Mode.IstioMutual && tls.Sni.Length == 0)
        {
            AskForRequestedHost(draft, tls);
        }
    }

    // A rule without a name of its own means the host of each request (istio pilot/pkg/networking/core/cluster_tls.go, ENABLE_AUTO_SNI).
    private static void AskForRequestedHost(ClusterDraft draft, ClientTLSSettings tls) =>
        draft.OptionsOrNew().UpstreamHttpProtocolOptions = new UpstreamHttpProtocolOptions
        {
            AutoSni = true,
            AutoSanValidation = tls.SubjectAltNames.Count == 0 && tls.InsecureSkipVerify != true,
        };

    // Each endpoint says whether it accepts mutual TLS; those without a sidecar are reached in plaintext.
    private static void ApplyAutomatic(PushContext push, Cluster cluster, MeshService service, ServicePort port, string subset)
    {
        if (!push.IdentityEnabled || push.Mesh.EnableAutoMtls == false || service.MeshExternal
            || cluster.Type == Cluster.Types.DiscoveryType.OriginalDst)
        {
            return;
        }

        var settings = new ClientTLSSettings { Mode = Mode.IstioMutual };
        var sni = ClusterNames.Sni(port.Number, subset, service.Hostname);
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "tlsMode-istio",
            Match = Messages.Struct(("tlsMode", Value.ForString("istio"))),
            TransportSocket = MutualTls.Upstream(push, settings, sni, port.Protocol.IsHttp2()),
        });
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "tlsMode-disabled",
            Match = new Struct(),
            TransportSocket = s_raw,
        });
    }
}
