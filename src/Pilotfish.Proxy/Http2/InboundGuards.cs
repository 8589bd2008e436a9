using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// Counts frames that cost us more than they cost the peer. Each method returns whether the peer went too far; the formulas are
/// Envoy's (max_inbound_* of http2_protocol_options).
/// </summary>
internal struct InboundGuards(Http2Options options)
{
    // Envoy's constants in the bounds of PRIORITY and WINDOW_UPDATE.
    private const long WindowUpdatesFree = 5;
    private const long WindowUpdatesPerStream = 2;

    // Reset bucket of the codec, as nghttp2 sets it: a browser that closes a tab with hundreds of streams must pass.
    private const long ResetBurst = 1000;
    private const long ResetsPerSecond = 33;

    private long _streams;
    private long _priorityFrames;
    private long _windowUpdates;
    private int _emptyFrames;
    private long _resetTokens = ResetBurst;
    private long _resetRefill;

    public void StreamOpened() => _streams++;

    /// <summary>HEADERS, CONTINUATION and DATA: frames that neither bring a byte nor end a stream.</summary>
    public bool IsEmptyFlood(in FrameHeader frame, int payloadBytes)
    {
        if (payloadBytes > 0 || frame.Has(FrameFlags.END_STREAM))
        {
            _emptyFrames = 0;
            return false;
        }

        return ++_emptyFrames > options.EmptyFramesMax;
    }

    public bool IsPriorityFlood() => ++_priorityFrames > options.PriorityFramesPerStreamMax * (1 + _streams);

    /// <summary>Held against the DATA frames that we sent.</summary>
    public bool IsWindowUpdateFlood(long dataFramesSent) => ++_windowUpdates
        > WindowUpdatesFree + (WindowUpdatesPerStream * (_streams + (options.WindowUpdatesPerDataFrameMax * dataFramesSent)));

    /// <summary>RST_STREAM from a client, as a token bucket.</summary>
    public bool IsResetFlood(long nowMilliseconds)
    {
        if (_resetRefill == 0)
        {
            _resetRefill = nowMilliseconds;
        }

        long seconds = (nowMilliseconds - _resetRefill) / 1000;
        if (seconds > 0)
        {
            _resetTokens = Math.Min(ResetBurst, _resetTokens + (seconds * ResetsPerSecond));
            _resetRefill += seconds * 1000;
        }

        return --_resetTokens < 0;
    }
}
