using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

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
    /// <param name="connection">The client's.</param>
    /// <param name="state">What filters left.</param>
    /// <param name="cluster">Where the request or connection goes.</param>
    /// <param name="headers">The request's; null for a connection without requests. Its host names the server where the cluster says so.</param>
    /// <param name="own">What a filter of the request decided (istio.alpn); it stands, and the request's host is added where asked for.</param>
    public static UpstreamTransportOverrides? Of(ConnectionInfo connection, FilterState? state, ClusterModel cluster,
        HeaderMap? headers = null, UpstreamTransportOverrides? own = null)
    {
        UpstreamTransportSelector transports = cluster.Transport;
        UpstreamHttpOptions http = cluster.Http;
        bool asksForHost = headers is not null && (http.AutoSni || http.AutoSanValidation) && transports.MayEncrypt;
        TransportMatchState? matched = transports.StateKeys.Count > 0 ? Shared(state, transports.StateKeys) : null;
        if (own is not null && !asksForHost)
        {
            return matched is null ? own : own with { MatchState = matched };
        }

        bool encrypts = state is not null && transports.MayEncrypt;
        string? protocols = own?.ApplicationProtocols ?? (encrypts ? state!.Get(ApplicationProtocolsKey)?.PlainText : null);
        string? serverName = encrypts ? state!.Get(ServerNameKey)?.PlainText : null;
        string? names = encrypts ? state!.Get(SubjectAltNamesKey)?.PlainText : null;
        if (asksForHost)
        {
            string? host = Host(headers!, http, connection.LastOverrides, out bool isIp);
            serverName ??= http.AutoSni && !isIp ? host : null;
            names ??= http.AutoSanValidation ? host : null;
        }

        bool sendsProxy = transports.SendsProxyProtocol && !connection.OmitsProxyProtocol;
        if (protocols is null && serverName is null && names is null && matched is null && !sendsProxy && connection.OriginalSource.IsNone)
        {
            return null;
        }

        if (connection.LastOverrides is { } last && last.ApplicationProtocols == protocols && last.ServerName == serverName
            && last.VerifySubjectAltName == names && Equals(last.MatchState, matched) && last.ProxyProtocol is not null == sendsProxy)
        {
            return last;
        }

        return connection.LastOverrides = new UpstreamTransportOverrides
        {
            ApplicationProtocols = protocols,
            ServerName = serverName,
            VerifySubjectAltName = names,
            MatchState = matched,
            ProxyProtocol = sendsProxy
                ? new ProxyProtocolFacts(connection.RemoteAddress, connection.LocalAddress, connection.PassThroughTlvs) { Connection = connection }
                : null,
            Source = connection.OriginalSource,
            Mark = connection.OriginalSourceMark,
        };
    }

    // Only what filters share with the upstream side; null for nothing.
    private static TransportMatchState? Shared(FilterState? state, IReadOnlyList<string> keys)
    {
        string?[]? values = null;
        for (int i = 0; i < keys.Count; i++)
        {
            if (state?.GetShared(keys[i])?.PlainText is { } text)
            {
                (values ??= new string?[keys.Count])[i] = text;
            }
        }

        return values is null ? null : new TransportMatchState(values);
    }

    // The name as the last request's object where it is the same: no allocation for requests to one host.
    private static string? Host(HeaderMap headers, UpstreamHttpOptions http, UpstreamTransportOverrides? last, out bool isIp)
    {
        ReadOnlySpan<byte> authority = http.AutoSniHeader is { } name && headers.TryGet(name, out ReadOnlySpan<byte> named) && !named.IsEmpty
            ? named
            : headers[WellKnownHeader.Authority];
        ReadOnlySpan<byte> host = HostText.WithoutPort(authority).Trim("[]"u8);
        isIp = IsIp(host);
        if (host.IsEmpty)
        {
            return null;
        }

        string? known = last?.VerifySubjectAltName ?? last?.ServerName;
        return known is not null && Ascii.Equals(host, known) ? known : Encoding.Latin1.GetString(host);
    }

    private static bool IsIp(ReadOnlySpan<byte> host)
    {
        if (host.IsEmpty || host.Length > NetAddress.FormattedIpBytesMax)
        {
            return false;
        }

        Span<char> text = stackalloc char[NetAddress.FormattedIpBytesMax];
        return NetAddress.TryParseIp(text[..Encoding.Latin1.GetChars(host, text)], 0, out _);
    }
}
