using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Decides whether a request is tried again: conditions, count, breaker, and which hosts were tried. Reused with its router.</summary>
internal sealed class RetryState
{
    // Hosts remembered for previous_hosts; more attempts than that are not configured in practice.
    private const int TriedMax = 16;

    private static readonly WellKnownHeaderSet s_asking = WellKnownHeaderSet.Of(
    [
        WellKnownHeader.XEnvoyRetryOn, WellKnownHeader.XEnvoyRetryGrpcOn, WellKnownHeader.XEnvoyMaxRetries,
        WellKnownHeader.XEnvoyRetriableStatusCodes, WellKnownHeader.XEnvoyRetriableHeaderNames,

        // Read before the route's header rules; what those make of them is for nobody.
        WellKnownHeader.XEnvoyHedgeOnPerTryTimeout, WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs,
    ]);

    private readonly Host?[] _tried = new Host?[TriedMax];
    private RetryPolicyModel? _policy;
    private RetryRuntime _runtime = RetryRuntime.None;
    private RetryOn _on;
    private uint _left;
    private int _triedCount;
    private uint[]? _headerStatusCodes;
    private string[]? _headerNames;
    private long _rateLimitedMilliseconds;

    /// <summary>Whether a policy or the request itself names conditions, however few retries are left.</summary>
    public bool IsActive => _on != RetryOn.None;

    public bool IsEnabled => IsActive && _left > 0;

    /// <summary>Whether the retry that was granted last is under way.</summary>
    public bool HoldsPermit { get; private set; }

    public bool AvoidsPreviousHosts => _policy?.AvoidsPreviousHosts ?? false;

    public int PriorityUpdateFrequency => _policy?.PriorityUpdateFrequency ?? 0;

    public bool OmitsCanaryHosts => _policy?.OmitsCanaryHosts ?? false;

    public SubsetMatch? OmitsHosts => _policy?.OmitsHosts;

    /// <summary>Whether the response said how long to wait for the next attempt.</summary>
    public bool IsRateLimited => _rateLimitedMilliseconds > 0;

    public int HostSelectionAttempts => _policy?.HostSelectionAttempts ?? 0;

    public ReadOnlySpan<Host?> Tried => _tried.AsSpan(0, _triedCount);

    public int Retries { get; private set; }

    public void Begin(RetryPolicyModel? policy, HeaderMap headers, RetryRuntime runtime)
    {
        _policy = policy;
        _runtime = runtime;
        _on = policy?.On ?? RetryOn.None;
        _left = policy?.RetriesMax ?? 0;
        Retries = 0;
        _triedCount = 0;
        _headerStatusCodes = null;
        _headerNames = null;
        _rateLimitedMilliseconds = 0;
        if (headers.HasAny(s_asking))
        {
            ReadHeaders(policy, headers);
        }

        if (policy is { RetriableRequestHeaders.Length: > 0 } && !AnyMatches(policy.RetriableRequestHeaders, headers))
        {
            _on = RetryOn.None;
        }
    }

    public void Remember(Host host)
    {
        if (_triedCount < TriedMax)
        {
            _tried[_triedCount++] = host;
        }
    }

    public void Forget() => Array.Clear(_tried, 0, _triedCount);

    /// <summary>Whether a response asks for another attempt by its status or headers.</summary>
    public bool Wants(int status, HeaderMap headers)
    {
        if (_on == RetryOn.None || headers.Has(WellKnownHeader.XEnvoyOverloaded))
        {
            return false;
        }

        if (headers.Has(WellKnownHeader.XEnvoyRatelimited))
        {
            return Has(RetryOn.EnvoyRateLimited);
        }

        return (Has(RetryOn.ServerError) && status >= 500)
            || (Has(RetryOn.GatewayError) && status is >= 502 and <= 504)
            || (Has(RetryOn.Retriable4xx) && status == 409)
            || (Has(RetryOn.RetriableStatusCodes) && IsRetriableStatus(status))
            || (Has(RetryOn.RetriableHeaders) && HasRetriableHeader(headers))
            || ((_on & RetryOn.AnyGrpc) != 0 && WantsGrpc(headers));
    }

    /// <summary>Whether an attempt that was reset before response headers is worth another.</summary>
    /// <param name="reason">How it ended.</param>
    /// <param name="requestStarted">Whether request bytes had been written to a connection.</param>
    public bool Wants(StreamResetReason reason, bool requestStarted)
    {
        if (_on == RetryOn.None || reason == StreamResetReason.Overflow)
        {
            return false;
        }

        bool connectFailure = reason is StreamResetReason.LocalConnectionFailure or StreamResetReason.RemoteConnectionFailure
            or StreamResetReason.ConnectionTimeout;
        bool refused = reason is StreamResetReason.RemoteRefusedStreamReset;
        return Has(RetryOn.ServerError) || Has(RetryOn.GatewayError) || Has(RetryOn.Reset)
            || (Has(RetryOn.ResetBeforeRequest) && !requestStarted)
            || (Has(RetryOn.ConnectFailure) && connectFailure)
            || (Has(RetryOn.RefusedStream) && refused);
    }

    /// <summary>Takes one retry from the count and from the breaker.</summary>
    /// <param name="breaker">Of the cluster and priority.</param>
    /// <param name="isCounted">Whether the attempt that failed is still active there.</param>
    /// <param name="random">For a share of retries that the runtime allows.</param>
    public RetryPermit TryTake(CircuitBreaker breaker, bool isCounted, ulong random)
    {
        ReleasePermit(breaker);
        if (_left == 0)
        {
            return RetryPermit.LimitReached;
        }

        if (!_runtime.AllowsRetry(random))
        {
            return RetryPermit.Off;
        }

        if (!breaker.TryAcquireRetry(isCounted))
        {
            return RetryPermit.Overflow;
        }

        HoldsPermit = true;
        _left--;
        Retries++;
        return RetryPermit.Granted;
    }

    /// <summary>The retry is over, or was decided upon and will not happen.</summary>
    public void ReleasePermit(CircuitBreaker breaker)
    {
        if (HoldsPermit)
        {
            HoldsPermit = false;
            breaker.Retries.Release();
        }
    }

    /// <summary>Reads from a response that is tried again how long to wait, where the policy names headers that say so.</summary>
    public void NoteRateLimit(HeaderMap headers, DateTimeOffset now) =>
        _rateLimitedMilliseconds = _policy?.RateLimitedBackOff?.Read(headers, now) ?? 0;

    /// <summary>Full jitter below (2^n - 1) * base, capped.</summary>
    public long BackOffMilliseconds(ulong random)
    {
        if (_rateLimitedMilliseconds > 0)
        {
            // Never earlier than asked; up to half as much later, so that clients do not come back together.
            long wait = _rateLimitedMilliseconds;
            _rateLimitedMilliseconds = 0;
            return wait + (long)(random % (ulong)((wait / 2) + 1));
        }

        (long baseInterval, long most) = _policy is { HasBackOff: true } policy
            ? (policy.BackOffBaseMilliseconds, policy.BackOffMaxMilliseconds)
            : (_runtime.BaseMilliseconds, _runtime.BaseMilliseconds * 10);
        long bound = ((1L << Math.Min(Retries, 20)) - 1) * baseInterval;
        return Math.Min((long)(random % (ulong)Math.Max(1, bound)), most);
    }

    private bool Has(RetryOn condition) => (_on & condition) != 0;

    private void ReadHeaders(RetryPolicyModel? policy, HeaderMap headers)
    {
        bool asked = false;
        if (headers.TryGet(WellKnownHeader.XEnvoyRetryOn, out ReadOnlySpan<byte> on))
        {
            _on |= RetryOnText.Parse(on);
            asked = true;
        }

        if (headers.TryGet(WellKnownHeader.XEnvoyRetryGrpcOn, out ReadOnlySpan<byte> grpc))
        {
            _on |= RetryOnText.Parse(grpc) & RetryOn.AnyGrpc;
            asked = true;
        }

        if (asked && policy is null)
        {
            _left = 1;
        }

        if (headers.TryGet(WellKnownHeader.XEnvoyMaxRetries, out ReadOnlySpan<byte> most) && DecimalText.TryParse(most, out uint count))
        {
            _left = count;
        }

        if (headers.TryGet(WellKnownHeader.XEnvoyRetriableStatusCodes, out ReadOnlySpan<byte> codes))
        {
            _headerStatusCodes = ParseCodes(codes);
        }

        if (headers.GetText(WellKnownHeader.XEnvoyRetriableHeaderNames) is { } names)
        {
            _headerNames = names.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        }

        headers.Remove(WellKnownHeader.XEnvoyRetryOn);
        headers.Remove(WellKnownHeader.XEnvoyRetryGrpcOn);
        headers.Remove(WellKnownHeader.XEnvoyMaxRetries);
        headers.Remove(WellKnownHeader.XEnvoyRetriableStatusCodes);
        headers.Remove(WellKnownHeader.XEnvoyRetriableHeaderNames);
        headers.Remove(WellKnownHeader.XEnvoyHedgeOnPerTryTimeout);
        headers.Remove(WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs);
    }

    private static uint[] ParseCodes(ReadOnlySpan<byte> text)
    {
        var codes = new List<uint>();
        while (!text.IsEmpty)
        {
            int comma = text.IndexOf((byte)',');
            ReadOnlySpan<byte> one = (comma < 0 ? text : text[..comma]).Trim((byte)' ');
            text = comma < 0 ? default : text[(comma + 1)..];
            if (DecimalText.TryParse(one, out uint code))
            {
                codes.Add(code);
            }
        }

        return [.. codes];
    }

    private bool HasRetriableHeader(HeaderMap headers)
    {
        foreach (string name in _headerNames ?? [])
        {
            if (headers.TryGet(Encoding.Latin1.GetBytes(name), out _))
            {
                return true;
            }
        }

        return _policy is not null && AnyMatches(_policy.RetriableHeaders, headers);
    }

    private bool IsRetriableStatus(int status)
    {
        if (_headerStatusCodes is not null && Array.IndexOf(_headerStatusCodes, (uint)status) >= 0)
        {
            return true;
        }

        IReadOnlyList<uint> codes = _policy?.RetriableStatusCodes ?? [];
        for (int i = 0; i < codes.Count; i++)
        {
            if (codes[i] == status)
            {
                return true;
            }
        }

        return false;
    }

    private bool WantsGrpc(HeaderMap headers)
    {
        if (!headers.TryGet(WellKnownHeader.GrpcStatus, out ReadOnlySpan<byte> text) || !DecimalText.TryParse(text, out int status))
        {
            return false;
        }

        return status switch
        {
            1 => Has(RetryOn.GrpcCancelled),
            4 => Has(RetryOn.GrpcDeadlineExceeded),
            8 => Has(RetryOn.GrpcResourceExhausted),
            13 => Has(RetryOn.GrpcInternal),
            14 => Has(RetryOn.GrpcUnavailable),
            _ => false,
        };
    }

    private static bool AnyMatches(HeaderMatch[] matches, HeaderMap headers)
    {
        foreach (HeaderMatch match in matches)
        {
            if (match.Matches(headers))
            {
                return true;
            }
        }

        return false;
    }
}
