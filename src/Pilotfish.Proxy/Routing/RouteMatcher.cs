using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>All conditions of one route; every one must hold.</summary>
public sealed class RouteMatcher
{
    private readonly LiveFraction _fraction;
    private readonly HeaderMatch[] _headers;
    private readonly QueryMatch[] _query;
    private readonly MetadataMatch[] _metadata;
    private readonly CookieMatch[] _cookies;
    private readonly FilterStateMatch[] _filterState;
    private readonly bool _grpcOnly;
    private readonly bool _hasRareConditions;
    private readonly RouteMatch.Types.TlsContextMatchOptions? _tls;

    public RouteMatcher(RouteMatch match, string field, RuntimeValues runtime)
    {
        Path = PathMatch.Compile(match, field);
        _fraction = LiveFraction.Of(match.RuntimeFraction, runtime);
        _headers = HeaderMatch.CompileAll(match.Headers, $"{field}.headers");
        _query = QueryMatch.CompileAll(match.QueryParameters, $"{field}.query_parameters");
        _metadata = MetadataMatch.CompileAll(match.DynamicMetadata, $"{field}.dynamic_metadata");
        _grpcOnly = match.Grpc is not null;
        _tls = match.TlsContext;
        _cookies = CookieMatch.CompileAll(match.Cookies, $"{field}.cookies");
        _filterState = FilterStateMatch.CompileAll(match.FilterState, $"{field}.filter_state");
        _hasRareConditions = _cookies.Length > 0 || _filterState.Length > 0;
    }

    public PathMatch Path { get; }

    public bool Matches(HeaderMap headers, ReadOnlySpan<byte> path, bool isConnect, StreamInfo info, ulong random) =>
        Path.Matches(headers, path, isConnect)
        && _fraction.Holds(random)
        && (_headers.Length == 0 || HeaderMatch.AllMatch(_headers, headers))
        && (_query.Length == 0 || QueryMatches(headers[WellKnownHeader.Path]))
        && (!_grpcOnly || GrpcText.IsGrpcRequest(headers))
        && (_tls is null || TlsMatches(info))
        && (_metadata.Length == 0 || MetadataMatches(info))
        && (!_hasRareConditions || RareConditionsHold(headers, info));

    private bool QueryMatches(ReadOnlySpan<byte> path)
    {
        foreach (QueryMatch match in _query)
        {
            if (!match.Matches(path))
            {
                return false;
            }
        }

        return true;
    }

    private bool MetadataMatches(StreamInfo info)
    {
        foreach (MetadataMatch match in _metadata)
        {
            if (!match.Holds(match.Find(info)))
            {
                return false;
            }
        }

        return true;
    }

    private bool TlsMatches(StreamInfo info)
    {
        bool presented = info.Connection.Tls?.PeerCertificate is not null;
        bool validated = info.Connection.Tls is { PeerCertificate: not null, PeerCertificateValidated: true };
        return (_tls!.Presented is null || _tls.Presented == presented) && (_tls.Validated is null || _tls.Validated == validated);
    }

    private bool RareConditionsHold(HeaderMap headers, StreamInfo info)
    {
        foreach (CookieMatch match in _cookies)
        {
            if (!match.Matches(headers))
            {
                return false;
            }
        }

        foreach (FilterStateMatch match in _filterState)
        {
            if (!match.Matches(info))
            {
                return false;
            }
        }

        return true;
    }
}
