using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>What the runtime says of all retries (envoy docs, http_filters/router_filter, runtime). Any thread.</summary>
public sealed class RetryRuntime
{
    public static readonly RetryRuntime None = new(new RuntimeValues());

    private const ulong Percent = 100;

    // A base of an hour: the back-off's bound is a multiple that must not overflow.
    private const ulong BaseMax = 3_600_000;

    private readonly RuntimeKey? _useRetry;
    private readonly RuntimeKey? _base;

    public RetryRuntime(RuntimeValues runtime)
    {
        _useRetry = runtime.Key("upstream.use_retry");
        _base = runtime.Key("upstream.base_retry_backoff_ms");
    }

    /// <summary>The base of the back-off of policies without retry_back_off, at least a millisecond.</summary>
    public long BaseMilliseconds => _base?.Entry?.Integer is { } milliseconds
        ? (long)Math.Clamp(milliseconds, 1, BaseMax)
        : RetryPolicyModel.DefaultBaseMilliseconds;

    /// <summary>`upstream.use_retry`: how many percent of the retries that are due happen.</summary>
    public bool AllowsRetry(ulong random) => _useRetry?.Entry?.Integer is not { } percent || random % Percent < percent;
}
