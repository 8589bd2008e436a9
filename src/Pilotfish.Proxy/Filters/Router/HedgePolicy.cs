using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// Whether a request is hedged (envoy.config.route.v3.HedgePolicy): an attempt that passes its per-try timeout goes on while another one
/// is begun, and the first good response wins. initial_requests and additional_request_chance do nothing, as in Envoy.
/// </summary>
internal static class HedgePolicy
{
    /// <summary>The route's word, changed by x-envoy-hedge-on-per-try-timeout, which is taken off the request.</summary>
    public static bool Applies(ForwardModel forward, HeaderMap headers)
    {
        bool hedges = forward.HedgesOnPerTryTimeout;
        if (headers.TryGet(WellKnownHeader.XEnvoyHedgeOnPerTryTimeout, out ReadOnlySpan<byte> asked))
        {
            hedges = asked.SequenceEqual("true"u8) || (hedges && !asked.SequenceEqual("false"u8));
            headers.Remove(WellKnownHeader.XEnvoyHedgeOnPerTryTimeout);
        }

        return hedges;
    }
}
