using Pilotfish.Language.Cel;
using Pilotfish.Language.Formats.Arguments;

namespace Pilotfish.Language.Formats;

/// <summary>
/// Every operator by name, with what its arguments must be. Both sides of the wire hold formats against this one table: who configures a mesh is
/// told at once what a proxy would refuse later.
/// </summary>
public static class FormatOperatorTable
{
    private static readonly string[] s_plain =
    [
        "DURATION", "REQUEST_DURATION", "REQUEST_TX_DURATION", "RESPONSE_DURATION", "RESPONSE_TX_DURATION",
        "UPSTREAM_CONNECTION_POOL_READY_DURATION", "DOWNSTREAM_HANDSHAKE_DURATION", "ROUNDTRIP_DURATION",
        "BYTES_RECEIVED", "BYTES_SENT", "REQUEST_HEADERS_BYTES", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES", "BYTES_RETRANSMITTED",
        "PACKETS_RETRANSMITTED",
        "PROTOCOL", "UPSTREAM_PROTOCOL", "RESPONSE_CODE", "CONNECTION_TERMINATION_DETAILS", "RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG",
        "UPSTREAM_TRANSPORT_FAILURE_REASON", "DOWNSTREAM_TRANSPORT_FAILURE_REASON", "DOWNSTREAM_LOCAL_CLOSE_REASON",
        "DOWNSTREAM_DETECTED_CLOSE_TYPE", "UPSTREAM_REQUEST_ATTEMPT_COUNT", "LOCAL_REPLY_BODY", "CUSTOM_FLAGS", "GRPC_STATUS_NUMBER",
        "ROUTE_NAME", "VIRTUAL_HOST_NAME", "VIRTUAL_CLUSTER_NAME", "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW", "FILTER_CHAIN_NAME",
        "ACCESS_LOG_TYPE", "UNIQUE_ID", "STREAM_ID", "CONNECTION_ID", "UPSTREAM_CONNECTION_ID", "TRACE_ID", "HOSTNAME",
        "UPSTREAM_HOST", "UPSTREAM_HOST_NAME", "UPSTREAM_HOST_NAME_WITHOUT_PORT", "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID",
        "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
        "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_TLS_CIPHER", "DOWNSTREAM_TLS_SESSION_ID", "UPSTREAM_TLS_VERSION", "UPSTREAM_TLS_CIPHER",
        "UPSTREAM_TLS_SESSION_ID", "TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT", "DOWNSTREAM_PEER_ISSUER", "DOWNSTREAM_PEER_CERT",
        "DOWNSTREAM_PEER_SERIAL", "DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_CHAIN_SERIALS",
        "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", "UPSTREAM_PEER_ISSUER", "UPSTREAM_PEER_CERT",
        "UPSTREAM_PEER_SUBJECT",
    ];

    private static readonly Dictionary<string, Action<FormatOperator>> s_checks = Collect();

    public static IReadOnlyCollection<string> Names => s_checks.Keys;

    /// <summary>Throws <see cref="FormatSyntaxException"/> for an operator that is not known or whose arguments are wrong.</summary>
    public static void Check(FormatOperator source)
    {
        if (!s_checks.TryGetValue(source.Name, out Action<FormatOperator>? check))
        {
            throw source.Reject("is not known");
        }

        check(source);
    }

    /// <summary>Likewise for a whole format, whose own syntax may be wrong too.</summary>
    public static void CheckFormat(string format)
    {
        foreach (FormatPart part in FormatTemplate.Parse(format).Parts)
        {
            if (part.Operator is { } source)
            {
                Check(source);
            }
        }
    }

    private static Dictionary<string, Action<FormatOperator>> Collect()
    {
        Dictionary<string, Action<FormatOperator>> all = new(StringComparer.Ordinal);
        Add(all, static source => source.RequireNoArguments(), s_plain);
        AddAddresses(all);
        AddSides(all);
        Add(all, static source => TimeArguments.Parse(source, null), "START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL");
        Add(all, static source => TimeArguments.ParseCertificate(source),
            "DOWNSTREAM_PEER_CERT_V_START", "DOWNSTREAM_PEER_CERT_V_END", "UPSTREAM_PEER_CERT_V_START", "UPSTREAM_PEER_CERT_V_END");
        Add(all, static source => DurationArguments.Parse(source), "COMMON_DURATION");
        Add(all, static source => ResultArguments.ParseDetails(source), "RESPONSE_CODE_DETAILS");
        Add(all, static source => ResultArguments.ParseGrpcStatus(source), "GRPC_STATUS");
        Add(all, static source => HeaderArguments.Parse(source),
            "REQ", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER", "REQ_WITHOUT_QUERY");
        Add(all, static source => PathArguments.Parse(source), "PATH");
        Add(all, static source => source.RequireArguments("a parameter's name"), "QUERY_PARAM");
        Add(all, static source => source.RequireArguments("a variable's name"), "ENVIRONMENT");
        Add(all, static source => ServerNameArguments.Parse(source), "REQUESTED_SERVER_NAME");
        Add(all, static source => MetadataArguments.Parse(source), "METADATA");
        Add(all, static source => MetadataArguments.Parse(source, MetadataHolder.Dynamic), "DYNAMIC_METADATA");
        Add(all, static source => MetadataArguments.Parse(source, MetadataHolder.Cluster), "CLUSTER_METADATA");
        Add(all, static source => MetadataArguments.Parse(source, MetadataHolder.UpstreamHost), "UPSTREAM_METADATA");
        Add(all, static source => FilterStateArguments.Parse(source), "FILTER_STATE", "UPSTREAM_FILTER_STATE");
        Add(all, CheckCoalesce, "COALESCE");
        Add(all, CheckExpression, "CEL", "TYPED_CEL");
        return all;
    }

    private static void Add(Dictionary<string, Action<FormatOperator>> all, Action<FormatOperator> check, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            all.Add(name, check);
        }
    }

    private static void AddAddresses(Dictionary<string, Action<FormatOperator>> all)
    {
        foreach (string side in (string[])["DOWNSTREAM_REMOTE", "DOWNSTREAM_DIRECT_REMOTE", "DOWNSTREAM_LOCAL", "DOWNSTREAM_DIRECT_LOCAL",
            "UPSTREAM_LOCAL", "UPSTREAM_REMOTE"])
        {
            Add(all, static source => source.RequireNoArguments(), $"{side}_ADDRESS", $"{side}_PORT");
            Add(all, static source => AddressArguments.Parse(source), $"{side}_ADDRESS_WITHOUT_PORT");
        }
    }

    private static void AddSides(Dictionary<string, Action<FormatOperator>> all)
    {
        foreach (string side in (string[])["DOWNSTREAM", "UPSTREAM"])
        {
            foreach (string form in (string[])["WIRE_BYTES", "HEADER_BYTES", "DECOMPRESSED_HEADER_BYTES"])
            {
                Add(all, static source => source.RequireNoArguments(), $"{side}_{form}_SENT", $"{side}_{form}_RECEIVED");
            }

            foreach (string certificate in (string[])["PEER", "LOCAL"])
            {
                Add(all, static source => source.RequireNoArguments(),
                    $"{side}_{certificate}_URI_SAN", $"{side}_{certificate}_DNS_SAN", $"{side}_{certificate}_IP_SAN");
            }
        }

        foreach (string certificate in (string[])["PEER", "LOCAL"])
        {
            Add(all, static source => source.RequireNoArguments(), $"DOWNSTREAM_{certificate}_SUBJECT",
                $"DOWNSTREAM_{certificate}_EMAIL_SAN", $"DOWNSTREAM_{certificate}_OTHERNAME_SAN");
        }
    }

    private static void CheckCoalesce(FormatOperator source)
    {
        foreach (FormatOperator candidate in CoalesceArguments.Parse(source))
        {
            Check(candidate);
        }
    }

    private static void CheckExpression(FormatOperator source)
    {
        try
        {
            CelExpression.Check(source.RequireArguments("an expression"));
        }
        catch (CelSyntaxException e)
        {
            throw source.Reject($"is wrong: {e.Message}");
        }
    }
}
