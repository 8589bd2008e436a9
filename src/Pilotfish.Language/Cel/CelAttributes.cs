namespace Pilotfish.Language.Cel;

/// <summary>
/// The attributes that Envoy documents for streams, with their types (attributes.rst of its advanced configuration). Both sides
/// of the wire check expressions against this one table.
/// </summary>
public static class CelAttributes
{
    private static readonly CelType s_texts = CelType.MapOf(CelType.String);
    private static readonly CelType s_values = CelType.MapOf(CelType.Dyn);
    private static readonly CelType s_metadata = CelType.MessageOf(new Dictionary<string, CelType>
    {
        ["filter_metadata"] = CelType.MapOf(s_values),
    });

    public static IReadOnlyDictionary<string, CelType> Roots { get; } = new Dictionary<string, CelType>(StringComparer.Ordinal)
    {
        ["request"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["path"] = CelType.String,
            ["url_path"] = CelType.String,
            ["host"] = CelType.String,
            ["scheme"] = CelType.String,
            ["method"] = CelType.String,
            ["headers"] = s_texts,
            ["referer"] = CelType.String,
            ["useragent"] = CelType.String,
            ["time"] = CelType.Timestamp,
            ["id"] = CelType.String,
            ["protocol"] = CelType.String,
            ["query"] = CelType.String,
            ["duration"] = CelType.Duration,
            ["size"] = CelType.Int,
            ["total_size"] = CelType.Int,
        }),
        ["response"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["code"] = CelType.Int,
            ["code_details"] = CelType.String,
            ["flags"] = CelType.Int,
            ["grpc_status"] = CelType.Int,
            ["headers"] = s_texts,
            ["trailers"] = s_texts,
            ["size"] = CelType.Int,
            ["total_size"] = CelType.Int,
            ["backend_latency"] = CelType.Duration,
        }),
        ["source"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["address"] = CelType.String,
            ["port"] = CelType.Int,
        }),
        ["destination"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["address"] = CelType.String,
            ["port"] = CelType.Int,
        }),
        ["connection"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["id"] = CelType.Uint,
            ["mtls"] = CelType.Bool,
            ["requested_server_name"] = CelType.String,
            ["tls_version"] = CelType.String,
            ["subject_local_certificate"] = CelType.String,
            ["subject_peer_certificate"] = CelType.String,
            ["dns_san_local_certificate"] = CelType.String,
            ["dns_san_peer_certificate"] = CelType.String,
            ["uri_san_local_certificate"] = CelType.String,
            ["uri_san_peer_certificate"] = CelType.String,
            ["sha256_peer_certificate_digest"] = CelType.String,
            ["transport_failure_reason"] = CelType.String,
            ["termination_details"] = CelType.String,
        }),
        ["upstream"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["address"] = CelType.String,
            ["port"] = CelType.Int,
            ["tls_version"] = CelType.String,
            ["subject_local_certificate"] = CelType.String,
            ["subject_peer_certificate"] = CelType.String,
            ["dns_san_local_certificate"] = CelType.String,
            ["dns_san_peer_certificate"] = CelType.String,
            ["uri_san_local_certificate"] = CelType.String,
            ["uri_san_peer_certificate"] = CelType.String,
            ["sha256_peer_certificate_digest"] = CelType.String,
            ["local_address"] = CelType.String,
            ["transport_failure_reason"] = CelType.String,
            ["request_attempt_count"] = CelType.Int,
            ["cx_pool_ready_duration"] = CelType.Duration,
        }),
        ["xds"] = CelType.MessageOf(new Dictionary<string, CelType>(StringComparer.Ordinal)
        {
            ["node"] = s_values,
            ["cluster_name"] = CelType.String,
            ["cluster_metadata"] = s_metadata,
            ["listener_direction"] = CelType.Int,
            ["listener_metadata"] = s_metadata,
            ["route_name"] = CelType.String,
            ["route_metadata"] = s_metadata,
            ["virtual_host_name"] = CelType.String,
            ["virtual_host_metadata"] = s_metadata,
            ["upstream_host_metadata"] = s_metadata,
            ["filter_chain_name"] = CelType.String,
        }),
        ["metadata"] = s_metadata,
        ["filter_state"] = s_values,
        ["upstream_filter_state"] = s_values,
    };
}
