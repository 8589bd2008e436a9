namespace Pilotfish.Proxy.Streams;

/// <summary>
/// When things happened to one stream, in the loop's monotonic nanoseconds; 0 = has not happened. Names follow COMMON_DURATION's points
/// (DS_RX_END, US_CX_BEG, ...).
/// </summary>
public struct TimingPoints
{
    /// <summary>DS_RX_BEG: the first byte of the request.</summary>
    public long DownstreamReceiveBegin;

    /// <summary>DS_RX_END: the last byte of the request.</summary>
    public long DownstreamReceiveEnd;

    public long UpstreamConnectBegin;
    public long UpstreamConnectEnd;
    public long UpstreamHandshakeEnd;

    /// <summary>The attempt asked its pool for a connection: where UPSTREAM_CONNECTION_POOL_READY_DURATION begins.</summary>
    public long UpstreamRequestBegin;

    /// <summary>The pool gave a connection, or failed.</summary>
    public long UpstreamPoolReady;

    public long UpstreamSendBegin;
    public long UpstreamSendEnd;

    /// <summary>US_RX_BEG: the first byte of the response's head.</summary>
    public long UpstreamReceiveBegin;

    public long UpstreamReceiveBodyBegin;
    public long UpstreamReceiveEnd;
    public long DownstreamSendBegin;

    /// <summary>DS_TX_END: the last byte handed to the kernel; with it the stream's duration ends.</summary>
    public long DownstreamSendEnd;
}
