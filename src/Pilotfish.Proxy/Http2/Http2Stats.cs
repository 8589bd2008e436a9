using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http2;

/// <summary>The codec's statistics under <c>http2.</c>: downstream at the root, upstream under the cluster.</summary>
public sealed class Http2Stats
{
    public Http2Stats(StatScope scope)
    {
        HeaderOverflow = scope.Counter("header_overflow");
        InboundEmptyFramesFlood = scope.Counter("inbound_empty_frames_flood");
        InboundPriorityFramesFlood = scope.Counter("inbound_priority_frames_flood");
        InboundWindowUpdateFramesFlood = scope.Counter("inbound_window_update_frames_flood");
        OutboundFlood = scope.Counter("outbound_flood");
        OutboundControlFlood = scope.Counter("outbound_control_flood");
        RxMessagingError = scope.Counter("rx_messaging_error");
        RxReset = scope.Counter("rx_reset");
        TxReset = scope.Counter("tx_reset");
        TxFlushTimeout = scope.Counter("tx_flush_timeout");
        Trailers = scope.Counter("trailers");
        StreamRefusedErrors = scope.Counter("stream_refused_errors");
        HeadersNoStream = scope.Counter("headers_cb_no_stream");
        DroppedUnderscores = scope.Counter("dropped_headers_with_underscores");
        RejectedUnderscores = scope.Counter("requests_rejected_with_underscores_in_headers");
        ProtocolError = scope.Counter("protocol_error");
        KeepaliveTimeout = scope.Counter("keepalive_timeout");
        GoAwaySent = scope.Counter("goaway_sent");
        MetadataEmptyFrames = scope.Counter("metadata_empty_frames");
        StreamsActive = scope.Gauge("streams_active");
        PendingSendBytes = scope.Gauge("pending_send_bytes");
        DeferredStreamClose = scope.Gauge("deferred_stream_close");
    }

    public Counter HeaderOverflow { get; }
    public Counter InboundEmptyFramesFlood { get; }
    public Counter InboundPriorityFramesFlood { get; }
    public Counter InboundWindowUpdateFramesFlood { get; }
    public Counter OutboundFlood { get; }
    public Counter OutboundControlFlood { get; }
    public Counter RxMessagingError { get; }
    public Counter RxReset { get; }
    public Counter TxReset { get; }
    public Counter TxFlushTimeout { get; }
    public Counter Trailers { get; }
    public Counter StreamRefusedErrors { get; }
    public Counter HeadersNoStream { get; }
    public Counter DroppedUnderscores { get; }
    public Counter RejectedUnderscores { get; }
    public Counter ProtocolError { get; }
    public Counter KeepaliveTimeout { get; }
    public Counter GoAwaySent { get; }
    public Counter MetadataEmptyFrames { get; }
    public Gauge StreamsActive { get; }
    public Gauge PendingSendBytes { get; }
    public Gauge DeferredStreamClose { get; }
}
