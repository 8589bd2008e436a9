using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>strict_check_headers of the router: headers that steer it must be well-formed, or the request is answered with 400 and IH.</summary>
internal static class StrictHeaders
{
    /// <summary>Reads the list of names.</summary>
    /// <exception cref="ConfigRejectedException">A name is not one of those that can be checked.</exception>
    public static WellKnownHeader[] Compile(IReadOnlyList<string> names, string field)
    {
        var headers = new WellKnownHeader[names.Count];
        for (int i = 0; i < headers.Length; i++)
        {
            headers[i] = WellKnownHeaders.Find(Encoding.ASCII.GetBytes(names[i].ToLowerInvariant()));
            if (!IsNumber(headers[i]) && headers[i] is not (WellKnownHeader.XEnvoyRetryOn or WellKnownHeader.XEnvoyRetryGrpcOn))
            {
                throw new ConfigRejectedException($"{field}[{i}]",
                    $"'{names[i]}' cannot be checked; x-envoy-upstream-rq-timeout-ms, x-envoy-upstream-rq-per-try-timeout-ms, "
                    + "x-envoy-max-retries, x-envoy-retry-on and x-envoy-retry-grpc-on can");
            }
        }

        return headers;
    }

    /// <summary>False when the request was answered here.</summary>
    public static bool Check(HttpStream stream, WellKnownHeader[] headers)
    {
        foreach (WellKnownHeader header in headers)
        {
            if (stream.RequestHeaders.TryGet(header, out ReadOnlySpan<byte> value) && !IsValid(header, value))
            {
                Answer(stream, header, value);
                return false;
            }
        }

        return true;
    }

    private static bool IsNumber(WellKnownHeader header) => header is WellKnownHeader.XEnvoyUpstreamRqTimeoutMs
        or WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs or WellKnownHeader.XEnvoyMaxRetries;

    private static bool IsValid(WellKnownHeader header, ReadOnlySpan<byte> value) => IsNumber(header)
        ? DecimalText.TryParse(value, out ulong _)
        : RetryOnText.KnowsAll(value, grpc: header == WellKnownHeader.XEnvoyRetryGrpcOn);

    private static void Answer(HttpStream stream, WellKnownHeader header, ReadOnlySpan<byte> value)
    {
        string name = Encoding.ASCII.GetString(WellKnownHeaders.Name(header));
        string details = $"{ResponseDetails.InvalidEnvoyRequestHeaders}{{{name}}}";
        stream.Reply(400, [.. Encoding.ASCII.GetBytes($"invalid header '{name}' with value '"), .. value, (byte)'\''],
            EndReasons.InvalidEnvoyHeader.WithDetails(details));
    }
}
