namespace Pilotfish.Proxy.Filters.Router;

/// <summary>Whether a wanted retry may happen.</summary>
internal enum RetryPermit : byte
{
    Granted,

    /// <summary>num_retries is used up (URX).</summary>
    LimitReached,

    /// <summary>max_retries or the retry budget of the cluster is used up (UO).</summary>
    Overflow,

    /// <summary>The runtime turned retries off (upstream.use_retry).</summary>
    Off,
}
