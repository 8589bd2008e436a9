using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http2;

/// <summary>Why a connection or one of its streams ends: the code on the wire and the reason in logs.</summary>
internal sealed class Http2End
{
    public static readonly Http2End ProtocolViolation = OfConnection(Http2ErrorCode.PROTOCOL_ERROR,
        "http2.unknown.nghttp2.error", "The peer's frames violate HTTP/2.");

    public static readonly Http2End FrameSize = OfConnection(Http2ErrorCode.FRAME_SIZE_ERROR,
        "http2.unknown.nghttp2.error", "A frame of the peer has a size that it must not have.");

    public static readonly Http2End FlowControl = OfConnection(Http2ErrorCode.FLOW_CONTROL_ERROR,
        "http2.unknown.nghttp2.error", "The peer sent more than its window or moved a window out of range.");

    public static readonly Http2End Compression = OfConnection(Http2ErrorCode.COMPRESSION_ERROR,
        "http2.unknown.nghttp2.error", "A header block of the peer is no HPACK.");

    public static readonly Http2End StreamClosed = OfConnection(Http2ErrorCode.STREAM_CLOSED,
        "http2.unknown.nghttp2.error", "The peer sent a frame on a stream that it had closed.");

    public static readonly Http2End Messaging = OfConnection(Http2ErrorCode.PROTOCOL_ERROR,
        "http2.violation.of.messaging.rule", "A message of the peer violates the rules of RFC 9113 section 8.");

    public static readonly Http2End InvalidField = OfConnection(Http2ErrorCode.PROTOCOL_ERROR,
        "http2.invalid.header.field", "A header of the peer has characters that it must not have.");

    public static readonly Http2End TooManyHeaders = OfConnection(Http2ErrorCode.INTERNAL_ERROR,
        "http2.too_many_headers", "The headers of the message are more or larger than the limits allow.");

    public static readonly Http2End Underscore = OfConnection(Http2ErrorCode.PROTOCOL_ERROR,
        "http2.unexpected_underscore", "A header name has an underscore and headers_with_underscores_action rejects it.");

    public static readonly Http2End EmptyFramesFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.inbound_empty_frames_flood", "The peer sent too many frames without payload in a row.");

    public static readonly Http2End PriorityFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.inbound_priority_frames_flood", "The peer sent too many PRIORITY frames.");

    public static readonly Http2End WindowUpdateFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.inbound_window_update_frames_flood", "The peer sent too many WINDOW_UPDATE frames for the data it got.");

    public static readonly Http2End ContinuationFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.continuation_flood", "The peer sent a header block that does not end.");

    public static readonly Http2End SettingsFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.settings_flood", "The peer sent a SETTINGS frame with more entries than there are settings.");

    public static readonly Http2End MetadataTooLarge = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.unknown.nghttp2.error", "The METADATA frames of a stream are more than max_metadata_size allows.");

    public static readonly Http2End ResetFlood = OfConnection(Http2ErrorCode.INTERNAL_ERROR,
        "http2.stream_reset_flood", "The peer reset streams faster than the codec allows.");

    public static readonly Http2End PrematureResets = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.too_many_premature_resets", "The client reset too many of its requests before a response began.");

    public static readonly Http2End OutboundFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.outbound_frames_flood", "Too many frames wait because the peer does not read them.");

    public static readonly Http2End OutboundControlFlood = OfConnection(Http2ErrorCode.ENHANCE_YOUR_CALM,
        "http2.outbound_control_frames_flood", "Too many PING, SETTINGS and RST_STREAM frames wait because the peer does not read them.");

    public static readonly Http2End PingTimeout = new(Http2ErrorCode.NO_ERROR, new EndReason(EndCause.Timeout, EndSide.Downstream,
        "downstream_local_disconnect(http2_ping_timeout)", ResponseFlags.Of(ResponseFlag.DownstreamConnectionTermination), "The peer did not answer a PING in time."));

    public static readonly Http2End RemoteReset = new(Http2ErrorCode.CANCEL, new EndReason(EndCause.ClientGone, EndSide.Downstream,
        "http2.remote_reset", ResponseFlags.Of(ResponseFlag.DownstreamRemoteReset), "The client reset the stream."));

    public static readonly Http2End RemoteRefused = new(Http2ErrorCode.REFUSED_STREAM, new EndReason(EndCause.ClientGone, EndSide.Downstream,
        "http2.remote_refuse", ResponseFlags.Of(ResponseFlag.DownstreamRemoteReset), "The client refused the stream."));

    public static readonly Http2End FlushTimeout = new(Http2ErrorCode.INTERNAL_ERROR, new EndReason(EndCause.IdleTimeout, EndSide.Downstream,
        "http2.stream_flush_timeout", ResponseFlags.Of(ResponseFlag.StreamIdleTimeout),
        "The client did not take the rest of the response within the stream idle timeout."));

    public static readonly Http2End Gone = new(Http2ErrorCode.NO_ERROR, EndReasons.ClientGone);

    private Http2End(Http2ErrorCode code, EndReason reason)
    {
        Code = code;
        Reason = reason;
    }

    public Http2ErrorCode Code { get; }

    public EndReason Reason { get; }

    private static Http2End OfConnection(Http2ErrorCode code, string details, string sentence) =>
        new(code, new EndReason(EndCause.BadRequest, EndSide.Downstream, details,
            ResponseFlags.Of(ResponseFlag.DownstreamProtocolError), sentence));
}
