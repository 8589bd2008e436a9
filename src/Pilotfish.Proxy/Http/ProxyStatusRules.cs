using System.Text;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// proxy_status_config: responses whose flags tell of a failure carry Proxy-Status (RFC 9209): who answers, the kind of error, and what the
/// access log would say of it. Immutable; costs successful responses one comparison.
/// </summary>
public sealed class ProxyStatusRules
{
    private static readonly string[] s_names =
    [
        "",
        "dns_error",
        "destination_not_found",
        "destination_unavailable",
        "connection_timeout",
        "connection_refused",
        "connection_terminated",
        "connection_limit_reached",
        "http_request_error",
        "http_response_timeout",
        "http_protocol_error",
        "proxy_configuration_error",
    ];

    // In flag order: the first flag that a response carries decides (envoy source/common/stream_info/utility.cc).
    private static readonly (ResponseFlag Flag, ProxyStatusError Error)[] s_errors =
    [
        (ResponseFlag.FailedLocalHealthCheck, ProxyStatusError.DestinationUnavailable),
        (ResponseFlag.NoHealthyUpstream, ProxyStatusError.DestinationUnavailable),
        (ResponseFlag.UpstreamRequestTimeout, ProxyStatusError.HttpResponseTimeout),
        (ResponseFlag.LocalReset, ProxyStatusError.ConnectionTimeout),
        (ResponseFlag.UpstreamRemoteReset, ProxyStatusError.ConnectionTerminated),
        (ResponseFlag.UpstreamConnectionFailure, ProxyStatusError.ConnectionRefused),
        (ResponseFlag.UpstreamConnectionTermination, ProxyStatusError.ConnectionTerminated),
        (ResponseFlag.UpstreamOverflow, ProxyStatusError.ConnectionLimitReached),
        (ResponseFlag.NoRouteFound, ProxyStatusError.DestinationNotFound),
        (ResponseFlag.RateLimited, ProxyStatusError.ConnectionLimitReached),
        (ResponseFlag.RateLimitServiceError, ProxyStatusError.ConnectionLimitReached),
        (ResponseFlag.UpstreamRetryLimitExceeded, ProxyStatusError.DestinationUnavailable),
        (ResponseFlag.StreamIdleTimeout, ProxyStatusError.HttpResponseTimeout),
        (ResponseFlag.InvalidEnvoyRequestHeaders, ProxyStatusError.HttpRequestError),
        (ResponseFlag.DownstreamProtocolError, ProxyStatusError.HttpRequestError),
        (ResponseFlag.UpstreamMaxStreamDurationReached, ProxyStatusError.HttpResponseTimeout),
        (ResponseFlag.NoFilterConfigFound, ProxyStatusError.ProxyConfigurationError),
        (ResponseFlag.UpstreamProtocolError, ProxyStatusError.HttpProtocolError),
        (ResponseFlag.NoClusterFound, ProxyStatusError.DestinationUnavailable),
        (ResponseFlag.DnsResolutionFailed, ProxyStatusError.DnsError),
    ];

    private readonly string _proxyName;
    private readonly bool _details;
    private readonly bool _terminationDetails;
    private readonly bool _flags;
    private readonly bool _setsStatus;

    private ProxyStatusRules(HttpConnectionManager.Types.ProxyStatusConfig config, string proxyName)
    {
        _proxyName = proxyName;
        _details = !config.RemoveDetails;
        _terminationDetails = !config.RemoveConnectionTerminationDetails;
        _flags = !config.RemoveResponseFlags;
        _setsStatus = config.SetRecommendedResponseCode;
    }

    /// <summary>Null for no config: no header then.</summary>
    public static ProxyStatusRules? Compile(HttpConnectionManager.Types.ProxyStatusConfig? config, string serverName, string nodeId) =>
        config is null ? null : new ProxyStatusRules(config, config.ProxyNameCase switch
        {
            HttpConnectionManager.Types.ProxyStatusConfig.ProxyNameOneofCase.LiteralProxyName => config.LiteralProxyName,
            HttpConnectionManager.Types.ProxyStatusConfig.ProxyNameOneofCase.UseNodeId => nodeId,
            _ => serverName,
        });

    /// <summary>What the first of the flags that has a meaning in RFC 9209 means; None when none has.</summary>
    public static ProxyStatusError ErrorOf(ResponseFlags flags)
    {
        foreach ((ResponseFlag flag, ProxyStatusError error) in s_errors)
        {
            if (flags.Has(flag))
            {
                return error;
            }
        }

        return ProxyStatusError.None;
    }

    /// <summary>Adds the header, behind what proxies nearer to the server said, and returns the status that the response is to have.</summary>
    internal int Apply(HeaderMap headers, StreamInfo info, int status)
    {
        ProxyStatusError error = ErrorOf(info.Flags);
        if (error == ProxyStatusError.None)
        {
            return status;
        }

        string own = Text(info, error);
        string before = headers.TryGet("proxy-status"u8, out ReadOnlySpan<byte> value) ? Encoding.Latin1.GetString(value) : "";
        headers.Set("proxy-status"u8, Encoding.Latin1.GetBytes(before.Length == 0 ? own : $"{before}, {own}"));
        if (!_setsStatus || Recommended(error) is not { } recommended)
        {
            return status;
        }

        headers.SetNumber(WellKnownHeader.Status, recommended);
        return recommended;
    }

    private string Text(StreamInfo info, ProxyStatusError error)
    {
        var text = new StringBuilder(_proxyName).Append("; error=").Append(s_names[(int)error]);
        if (!_details || info.Details is not { } details)
        {
            return text.ToString();
        }

        text.Append("; details=\"");
        Quote(text, details);
        string? termination = info.ConnectionTerminationDetails ?? info.Connection.TerminationDetails;
        if (_terminationDetails && termination is not null)
        {
            Quote(text.Append("; "), termination);
        }

        if (_flags)
        {
            text.Append("; ").Append(info.Flags.ToString());
        }

        return text.Append('"').ToString();
    }

    // A structured field's string is printable ASCII (RFC 8941 section 3.3.3); a reason may quote whatever a peer sent.
    private static void Quote(StringBuilder text, string value)
    {
        foreach (char c in value)
        {
            if (c is '"' or '\\')
            {
                text.Append('\\');
            }

            text.Append(c is >= ' ' and <= '~' ? c : '?');
        }
    }

    // RFC 9209 section 2.3 recommends a status for each type; for requests that are at fault themselves it leaves the choice.
    private static int? Recommended(ProxyStatusError error) => error switch
    {
        ProxyStatusError.ConnectionTimeout or ProxyStatusError.HttpResponseTimeout => 504,
        ProxyStatusError.DnsError or ProxyStatusError.ConnectionRefused or ProxyStatusError.ConnectionTerminated
            or ProxyStatusError.HttpProtocolError => 502,
        ProxyStatusError.DestinationNotFound or ProxyStatusError.ProxyConfigurationError => 500,
        ProxyStatusError.DestinationUnavailable or ProxyStatusError.ConnectionLimitReached => 503,
        _ => null,
    };
}
