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
    private readonly bool _grpcOnly;
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
        RejectUnknown(match, field);
    }

    public PathMatch Path { get; }

    public bool Matches(HeaderMap headers, ReadOnlySpan<byte> path, ReadOnlySpan<byte> pathOnly, bool isConnect, StreamInfo info, ulong random) =>
        Path.Matches(path, pathOnly, isConnect)
        && _fraction.Holds(random)
        && (_headers.Length == 0 || HeaderMatch.AllMatch(_headers, headers))
        && (_query.Length == 0 || QueryMatches(path))
        && (!_grpcOnly || GrpcText.IsGrpcRequest(headers))
        && (_tls is null || TlsMatches(info))
        && (_metadata.Length == 0 || MetadataMatches(info));

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

    private static void RejectUnknown(RouteMatch match, string field)
    {
        if (match.FilterState.Count > 0 || match.Cookies.Count > 0)
        {
            throw new ConfigRejectedException(field,
                "matching by filter_state or cookies is not available in this version of Pilotfish");
        }
    }
}
