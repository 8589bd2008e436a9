using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Gathers what a downstream connection and its filters change about the upstream transport: names left in the filter state
/// (istio.alpn, auto_sni), the PROXY header, the source address. The connection's loop only.
/// </summary>
internal static class UpstreamOverrides
{
    // Envoy's names of the objects (envoy docs, advanced/well_known_filter_state).
    private const string ApplicationProtocolsKey = "envoy.network.application_protocols";
    private const string ServerNameKey = "envoy.network.upstream_server_name";
    private const string SubjectAltNamesKey = "envoy.network.upstream_subject_alt_names";

    /// <summary>Null when nothing differs from the cluster's own. Equal answers of one connection are one object: no allocation.</summary>
    public static UpstreamTransportOverrides? Of(ConnectionInfo connection, FilterState? state, ClusterModel cluster)
    {
        UpstreamTransportSelector transports = cluster.Transport;
        bool encrypts = state is not null && transports.MayEncrypt;
        string? protocols = encrypts ? state!.Get(ApplicationProtocolsKey)?.PlainText : null;
        string? serverName = encrypts ? state!.Get(ServerNameKey)?.PlainText : null;
        string? names = encrypts ? state!.Get(SubjectAltNamesKey)?.PlainText : null;
        bool sendsProxy = transports.SendsProxyProtocol && !connection.OmitsProxyProtocol;
        if (protocols is null && serverName is null && names is null && !sendsProxy && connection.OriginalSource.IsNone)
        {
            return null;
        }

        if (connection.LastOverrides is { } last && last.ApplicationProtocols == protocols && last.ServerName == serverName
            && last.VerifySubjectAltName == names && last.ProxyProtocol is not null == sendsProxy)
        {
            return last;
        }

        return connection.LastOverrides = new UpstreamTransportOverrides
        {
            ApplicationProtocols = protocols,
            ServerName = serverName,
            VerifySubjectAltName = names,
            ProxyProtocol = sendsProxy
                ? new ProxyProtocolFacts(connection.RemoteAddress, connection.LocalAddress, connection.PassThroughTlvs)
                : null,
            Source = connection.OriginalSource,
            Mark = connection.OriginalSourceMark,
        };
    }
}
